#!/bin/sh
# From a raw cube to a fine-tuned model: every command of the tutorial in docs/annotate.md.
#
#     sh annotate.sh OUT
#
# OUT           folder to create
# SHAPE         (environment) voxels of 10 nm of the cube, z,y,x; by default 100,200,200
# FINETUNE      (environment) options of asem finetune; by default --minutes 20
#
# The cubes are simulated, and a script paints as a person would: so everything is known, and scores can say what it was
# worth. With a cube of your own paint in napari instead.
set -eu
if [ $# -ne 1 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir "$1"
cd "$1"

asem simulate cell.zarr --seed 7 --voxel-size 10 --shape "${SHAPE:-100,200,200}"
asem simulate other.zarr --seed 8 --voxel-size 10 --shape "${SHAPE:-100,200,200}"

python "$here/strokes.py" cell.zarr seeds.zarr --organelle mito --every 8

asem annotate cut cell.zarr seeds.zarr --organelle mito -o cut.zarr
asem evaluate cut.zarr cell.zarr --organelle mito --json > cut.json
python "$here/draw_annotate.py" cell.zarr seeds.zarr cut.zarr annotate.png

asem labels prepare cut.zarr --organelle mito --dilate 0 -o truth.zarr
# shellcheck disable=SC2086
asem finetune cell.zarr truth.zarr --organelle mito -o run ${FINETUNE:---minutes 20}

[ -d run/model ] || exit 0 # the old model is the better one, as asem finetune has said
asem segment other.zarr --organelle mito --model run/model -o mito.zarr
asem evaluate mito.zarr other.zarr --organelle mito --json > scores.json
