#!/bin/sh
# Draws movie.png: four frames of a film of a simulated cell. Needs ffmpeg and asem-mesh with its extra movie.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
asem simulate "$work/cell.zarr" --preset cf-2 --part golgi --voxel-size 15
asem mesh "$work/cell.zarr/labels/mito" -o "$work/mito" --kind labels
asem mesh "$work/cell.zarr/labels/er" -o "$work/er" --kind labels --error-nm 0
asem mesh "$work/cell.zarr/labels/golgi" -o "$work/golgi" --kind labels
asem movie "$work/mito" "$work/er" "$work/golgi" -o "$work/cell.mp4" --fps 8 --size 800x450
ffmpeg -v error -y -i "$work/cell.mp4" -frames:v 1 "$here/movie.png" \
    -vf "select='eq(n,0)+eq(n,12)+eq(n,40)+eq(n,60)',tile=2x2,scale=900:-1"
rm -r "$work"
