#!/bin/bash
# Scheduler and driver; the workers are jobs of their own, which may come and go (slurm-workers.sh).
#     sbatch slurm-driver.sh
#SBATCH --job-name=asem --output=asem-%j.log --open-mode=append
#SBATCH --cpus-per-task=1 --mem=8G --time=72:00:00 --requeue
cd /shared/run
rm -f scheduler.json
dask scheduler --scheduler-file scheduler.json &
until [ -f scheduler.json ]; do sleep 1; done
python -c 'from distributed import Client; Client(scheduler_file="scheduler.json").wait_for_workers(1)'
asem segment cell.zarr --organelle mito -o mito.zarr --dask scheduler.json
