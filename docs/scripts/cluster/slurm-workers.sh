#!/bin/bash
# Workers for the scheduler of slurm-driver.sh.
#     sbatch slurm-workers.sh
#SBATCH --array=1-40 --requeue
#SBATCH --cpus-per-task=8 --mem=32G --time=04:00:00
until [ -f /shared/run/scheduler.json ]; do sleep 5; done
exec dask worker --scheduler-file /shared/run/scheduler.json --nthreads 1 --local-directory "${TMPDIR:-/tmp}" \
  --lifetime 210m --lifetime-stagger 20m
