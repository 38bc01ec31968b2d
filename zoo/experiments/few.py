"""Few annotations: masks that leave a handful of objects visible, as Gallusser et al. 2022 annotated pores and pits.

    python zoo/experiments/paper.py few runs/paper          # cells, masks, training, scores

or by hand

    python zoo/experiments/few.py DATA                      # masks beside the volumes, in DATA/cells
    asem train zoo/experiments/pore_10nm_few.yaml --data DATA -o runs/pore_10nm_few
    asem train zoo/experiments/ccp_10nm_few.yaml --data DATA -o runs/ccp_10nm_few

What they score stands beside the models that saw all truth in their cards and in docs/experiments.md.

The paper trained on 8 nuclear pores and 2 more to validate on, and on 15 coated pits and 4 more, each in a box of 110^3
voxels of 5 nm, with everything else masked; here a box is 56^3 voxels of 10 nm. It holds one object: where another of
its kind reaches into it, that one is masked, as nobody has annotated it. Objects are drawn at random, seeded, half of
either fixation.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen
from scipy import ndimage

from asem_core.geometry import Box
from asem_core.registry import make_registry
from asem_core.volume import Volume, open_labels, open_volume
from asem_core.volume.formats.ome_write import ArrayPlan, build_pyramid, create_ome_zarr
from asem_core.volume.output import complete_or_absent

SIDE = 56
_APART = 2
"""Voxels round an object that is not annotated that are masked with it."""


@frozen(kw_only=True)
class Choice:
    """How many objects of ``organelle`` are visible in the volume ``cells/<volume>.zarr``."""

    organelle: str
    volume: str
    training: int
    validation: int


CHOICES = (
    Choice(organelle="pore", volume="cf-1-golgi", training=4, validation=1),
    Choice(organelle="pore", volume="hpfs-19-golgi", training=4, validation=1),
    Choice(organelle="ccp", volume="cf-2-coverslip", training=9, validation=2),
    Choice(organelle="ccp", volume="hpfs-19-coverslip", training=6, validation=2),
)


def boxes_of(labels: npt.NDArray[Any], *, side: int = SIDE) -> dict[int, Box]:
    """A box round every object, by label; as thick as the volume where that is thinner than ``side``.

    ``labels`` is ``(z, y, x)``, integers, 0 is background. Objects that a face of the volume cuts have none.
    """
    found = {}
    for label, slices in enumerate(ndimage.find_objects(labels), start=1):
        if slices is None:
            continue
        starts, stops = [s.start for s in slices], [s.stop for s in slices]
        if any(a == 0 or b == n for a, b, n in zip(starts, stops, labels.shape, strict=True)):
            continue
        sides = [min(side, n) for n in labels.shape]
        low = [
            min(max((a + b - s) // 2, 0), n - s) for a, b, s, n in zip(starts, stops, sides, labels.shape, strict=True)
        ]
        found[label] = Box(low, [a + s for a, s in zip(low, sides, strict=True)])
    return found


def visible(labels: npt.NDArray[Any], boxes: dict[int, Box]) -> npt.NDArray[np.uint8]:
    """Mask ``(z, y, x)``: 1 in the boxes, 0 elsewhere and where another object lies in a box."""
    mask = np.zeros(labels.shape, np.uint8)
    structure = ndimage.generate_binary_structure(3, 1)
    for label, box in boxes.items():
        inside = labels[box.slices]
        others = (inside != 0) & (inside != label)
        if others.any():
            others = ndimage.binary_dilation(others, structure, iterations=_APART)
        mask[box.slices] = np.maximum(mask[box.slices], ~others)
    return mask


def choose(labels: npt.NDArray[Any], count: int, *, seed: int, side: int = SIDE) -> list[dict[int, Box]]:
    """``count`` objects in random order, whose boxes do not overlap."""
    boxes = boxes_of(labels, side=side)
    chosen: list[dict[int, Box]] = []
    for label in np.random.default_rng(seed).permutation(sorted(boxes)):
        if all(not boxes[label].intersect(box).size for one in chosen for box in one.values()):
            chosen.append({int(label): boxes[label]})
        if len(chosen) == count:
            return chosen
    raise SystemExit(f"only {len(chosen)} objects have boxes of their own; {count} are needed")


def write_mask(path: Path, mask: npt.NDArray[np.uint8], like: Volume) -> None:
    """``mask`` as an OME-Zarr on the grid of ``like``."""
    with complete_or_absent(path, needed_bytes=mask.nbytes, overwrite=True) as partial:
        output = create_ome_zarr(
            partial,
            image=ArrayPlan(shape=like.shape, dtype="uint8", chunk=(64, 64, 64)),
            labels={},
            voxel_size=like.voxel_size,
            lower_edge_nm=like.lower_edge_nm,
            provenance={"mask": "zoo/experiments/few.py"},
        )
        output.image[...] = mask
        build_pyramid(output)


def write_masks(data: Path, *, seed: int) -> None:
    """Every mask of `CHOICES` beside its volume, saying which objects are visible in it."""
    registry = make_registry()
    for choice in CHOICES:
        volume = data / "cells" / f"{choice.volume}.zarr"
        raw = open_volume(volume, registry=registry)
        truth = open_labels(volume, choice.organelle, registry=registry)
        labels = truth.read(truth.box)
        chosen = choose(labels, choice.training + choice.validation, seed=seed)
        for use, objects in (("training", chosen[: choice.training]), ("validation", chosen[choice.training :])):
            boxes = {label: box for one in objects for label, box in one.items()}
            path = volume.with_name(f"{choice.volume}-few-{choice.organelle}-{use}.zarr")
            write_mask(path, visible(labels, boxes), raw)
            print(f"{path.name}: {choice.organelle} {', '.join(map(str, sorted(boxes)))}")


def main() -> None:
    """Write every mask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder that holds cells/")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write_masks(args.data, seed=args.seed)


if __name__ == "__main__":
    main()
