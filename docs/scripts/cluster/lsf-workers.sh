#!/bin/bash
# Workers for the scheduler of lsf.sh.
#     bsub < lsf-workers.sh
#BSUB -J workers[1-40] -o worker.%J.%I.log
#BSUB -n 8 -R "span[hosts=1]" -M 32GB -W 4:00 -r
until [ -f /shared/run/scheduler.json ]; do sleep 5; done
exec dask worker --scheduler-file /shared/run/scheduler.json --nthreads 1 --local-directory "${TMPDIR:-/tmp}" \
  --lifetime 210m --lifetime-stagger 20m
