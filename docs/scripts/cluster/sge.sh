#!/bin/bash
# Scheduler and driver; the workers are jobs of their own, which may come and go (sge-workers.sh).
#     qsub sge.sh
#$ -S /bin/bash -N asem -j y -cwd -r y
#$ -l h_vmem=8G,h_rt=72:00:00
cd /shared/run
rm -f scheduler.json
dask scheduler --scheduler-file scheduler.json &
until [ -f scheduler.json ]; do sleep 1; done
python -c 'from distributed import Client; Client(scheduler_file="scheduler.json").wait_for_workers(1)'
asem segment cell.zarr --organelle mito -o mito.zarr --dask scheduler.json
