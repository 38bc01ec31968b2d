#!/bin/bash
# Workers for the scheduler of lsf.sh.
#     bsub < lsf-gpu-workers.sh
#BSUB -J workers[1-8] -o worker.%J.%I.log
#BSUB -q gpu -gpu "num=1:mode=exclusive_process"
#BSUB -n 8 -R "span[hosts=1]" -M 64GB -W 4:00 -r
until [ -f /shared/run/scheduler.json ]; do sleep 5; done
exec dask worker --scheduler-file /shared/run/scheduler.json --nthreads 1 --local-directory "${TMPDIR:-/tmp}" \
  --lifetime 210m --lifetime-stagger 20m --resources GPU=1
