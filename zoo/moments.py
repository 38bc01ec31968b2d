"""Writes moments.json into packages that were made before `asem train` measured it: what --adapt needs.

    python zoo/moments.py --data DATA [MODEL ...]

The tissue is that of the recipe inside the package: blocks in proportion to each volume's share of the training. DATA
holds volumes by the paths of the recipe, or parts of them; those that are not there are left out. What was measured is
written into the file. Weights and versions stay as they are. For the packages of this repository DATA held the EPFL
volume, tissue of seeds 1 and 2, and of each cell 1.28 um in the middle of its part "training":

    for seed in 1 2; do asem simulate DATA/simulated/cell_$seed.zarr --seed $seed --shape 128,128,128; done
    for cell in cf-1 cf-2 hpfs-19 hpfs-20; do asem simulate DATA/cells/$cell-training.zarr --preset $cell \\
      --origin 3600,2240,6400 --shape 128,128,128; done
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import yaml

from asem_core import Box, Registry, Volume, VoxelSize, make_registry, open_volume
from asem_core.models.moments import measure_moments
from asem_core.models.own import OwnModel, open_own
from asem_core.predict.adapt import BLOCKS, SIDE, tissue_blocks
from asem_core.volume.window import window
from asem_core.zoo.files import MOMENTS_NAME, RDF_NAME, file_sha256
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.moments import TrainedMoments, apportioned, write_moments

ROOT = Path(__file__).parents[1]


def training_of(package: Path, data: Path, registry: Registry) -> list[tuple[str, Volume, float]]:
    """Name, volume and share of what the model was trained on, as far as it can be had."""
    found = []
    for entry in yaml.safe_load((package / "recipe.yaml").read_text())["training"]:
        path, size = data / entry["raw"], entry.get("voxel_size_nm")
        if not path.exists():
            print(f"{path} is not there: left out")
            continue
        volume = open_volume(path, registry=registry, voxel_size=VoxelSize(size) if size else None)
        roi = Box.parse(entry["roi"]) if entry.get("roi") else volume.box
        name = f"{entry['raw']}, {roi}"
        found.append((name, window(volume, roi), float(entry.get("share") or volume.voxel_size.volume_nm3 * roi.size)))
    return found


def moments_of(model: OwnModel, training: list[tuple[str, Volume, float]]) -> TrainedMoments:
    """Measured on `BLOCKS` blocks, or as many as the volumes have."""
    each = apportioned([share for *_, share in training], BLOCKS)
    parts = {
        name: [block for _, block in islice(tissue_blocks(volume, model), count)]
        for (name, volume, _), count in zip(training, each, strict=True)
        if count
    }
    tissue = tuple(f"{name}: {len(blocks)} of {SIDE} voxels" for name, blocks in parts.items())
    blocks = (block for found in parts.values() for block in found)
    return TrainedMoments(layers=measure_moments(model.onnx, blocks), tissue=tissue)


def attach(package: Path) -> None:
    """Name the file in the description."""
    path = package / RDF_NAME
    values = yaml.safe_load(path.read_text())
    kept = [file for file in values["attachments"] if file["source"] != MOMENTS_NAME]
    values["attachments"] = [*kept, {"source": MOMENTS_NAME, "sha256": file_sha256(package / MOMENTS_NAME)}]
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def main() -> None:
    """Of the models that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="such as mito-10nm; by default all")
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    registry = make_registry()
    for manifest in sorted(ROOT.glob("plugins/organelles/*/asem_organelle_*/models/*/model.json")):
        package, spec = manifest.parent, read_manifest(manifest.parent)
        if args.models and spec.id not in args.models:
            continue
        model = open_own(spec, registry=registry)
        moments = moments_of(model, training_of(package, args.data, registry))
        write_moments(moments, package)
        attach(package)
        print(spec.id, *moments.tissue, sep="\n  ", flush=True)


if __name__ == "__main__":
    main()
