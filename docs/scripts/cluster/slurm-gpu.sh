#!/bin/bash
# The same with a GPU for each of 4 workers.
#     sbatch slurm-gpu.sh
#SBATCH --job-name=asem --output=asem-%j.log --open-mode=append
#SBATCH --partition=gpu --ntasks=4 --gpus-per-task=1 --cpus-per-task=8 --mem-per-cpu=8G --time=12:00:00
#SBATCH --requeue --signal=B:USR1@300
cd /shared/run
trap 'scontrol requeue "$SLURM_JOB_ID"' USR1
rm -f scheduler.json
dask scheduler --scheduler-file scheduler.json &
until [ -f scheduler.json ]; do sleep 1; done
srun dask worker --scheduler-file /shared/run/scheduler.json --nthreads 1 --resources GPU=1 \
  --local-directory "${TMPDIR:-/tmp}" &
asem segment cell.zarr --organelle mito -o mito.zarr --dask scheduler.json &
wait $!
