#!/bin/bash
# One job with all: scheduler, 16 workers, driver. It asks for itself again until the output is whole.
#     sbatch slurm.sh
#SBATCH --job-name=asem --output=asem-%j.log --open-mode=append
#SBATCH --ntasks=16 --cpus-per-task=8 --mem-per-cpu=4G --time=12:00:00
#SBATCH --requeue --signal=B:USR1@300
cd /shared/run
trap 'scontrol requeue "$SLURM_JOB_ID"' USR1  # five minutes before the walltime
rm -f scheduler.json
dask scheduler --scheduler-file scheduler.json &
until [ -f scheduler.json ]; do sleep 1; done
srun dask worker --scheduler-file /shared/run/scheduler.json --nthreads 1 --local-directory "${TMPDIR:-/tmp}" &
asem segment cell.zarr --organelle mito -o mito.zarr --dask scheduler.json &
wait $!
