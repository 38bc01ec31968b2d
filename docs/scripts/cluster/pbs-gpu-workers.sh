#!/bin/bash
# Workers for the scheduler of pbs.sh.
#     qsub pbs-gpu-workers.sh
#PBS -N worker -j oe -r y -J 1-8
#PBS -l select=1:ncpus=8:mem=64gb:ngpus=1 -l walltime=04:00:00
until [ -f /shared/run/scheduler.json ]; do sleep 5; done
exec dask worker --scheduler-file /shared/run/scheduler.json --nthreads 1 --local-directory "${TMPDIR:-/tmp}" \
  --lifetime 210m --lifetime-stagger 20m --resources GPU=1
