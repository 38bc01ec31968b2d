#!/bin/bash
# Scheduler and driver; the workers are jobs of their own, which may come and go (lsf-workers.sh).
#     bsub < lsf.sh
#BSUB -J asem -o asem.%J.log
#BSUB -n 1 -M 8GB -W 72:00 -r
cd /shared/run
rm -f scheduler.json
dask scheduler --scheduler-file scheduler.json &
until [ -f scheduler.json ]; do sleep 1; done
python -c 'from distributed import Client; Client(scheduler_file="scheduler.json").wait_for_workers(1)'
asem segment cell.zarr --organelle mito -o mito.zarr --dask scheduler.json
