#!/bin/bash
# Workers for the scheduler of slurm-driver.sh.
#     sbatch slurm-gpu-workers.sh
#SBATCH --array=1-8 --requeue
#SBATCH --partition=gpu --gpus=1 --cpus-per-task=8 --mem=64G --time=04:00:00
until [ -f /shared/run/scheduler.json ]; do sleep 5; done
exec dask worker --scheduler-file /shared/run/scheduler.json --nthreads 1 --local-directory "${TMPDIR:-/tmp}" \
  --lifetime 210m --lifetime-stagger 20m --resources GPU=1
