#!/bin/bash
# Workers for the scheduler of sge.sh.
#     qsub sge-gpu-workers.sh
#$ -S /bin/bash -N worker -j y -cwd -r y
#$ -t 1-8 -pe smp 8 -l gpu=1,h_vmem=8G,h_rt=04:00:00
until [ -f /shared/run/scheduler.json ]; do sleep 5; done
exec dask worker --scheduler-file /shared/run/scheduler.json --nthreads 1 --local-directory "${TMPDIR:-/tmp}" \
  --lifetime 210m --lifetime-stagger 20m --resources GPU=1
