#!/bin/sh
# From the microscope's TIFF sections to scored mitochondria, and back to TIFF sections: every step of docs/prepare.md.
#
#     sh prepare.sh RAW LABELS VOXEL_SIZE OUT [ROI]
#
# RAW, LABELS   folders of TIFF sections; LABELS are outlines that include the membrane
# VOXEL_SIZE    z,y,x in nm, such as 5,5,5
# OUT           folder to create
# ROI           the part to segment, such as 0:100,0:768,0:512 (voxels); by default all of it
# MASK_HIGH     (environment) grey level above which is outside; by default asem's own
set -eu
if [ $# -lt 4 ]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
raw=$1 labels=$2 voxel_size=$3 out=$4 roi=${5:-}
mkdir "$out"

asem convert "$raw" "$out/cell.zarr" --voxel-size "$voxel_size"
asem preprocess "$out/cell.zarr" -o "$out/equalised.zarr" --stage clahe --preview "$out/equalised.png"
asem mask "$out/cell.zarr" -o "$out/mask.zarr" --preview "$out/mask.png" ${MASK_HIGH:+--high "$MASK_HIGH"}
asem labels prepare "$labels" --organelle mito --voxel-size "$voxel_size" --dilate 0 -o "$out/truth.zarr"

# The model is given the raw image: it was trained without normalisation (docs/normalise.md).
asem segment "$out/cell.zarr" --organelle mito --mask "$out/mask.zarr" -o "$out/mito.zarr" ${roi:+--roi "$roi"}
asem evaluate "$out/mito.zarr" "$out/truth.zarr" --organelle mito --json > "$out/scores.json"

asem convert "$out/mito.zarr" "$out/mito_sections" --organelle mito --paste-into "$raw" --voxel-size "$voxel_size"
