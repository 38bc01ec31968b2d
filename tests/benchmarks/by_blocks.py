"""A graph cut by blocks beside the same cut at once: how many voxels differ, against the halo that is cut with a block.

    python tests/benchmarks/by_blocks.py [--data FOLDER] [--cells FOLDER] [--core 64] [--only er mito]

Mitochondria on the middle part of EPFL, seeds in 8 of 160 sections, ER and Golgi on simulated cells, in every 8th:
those of annotate.py. Blocks are far smaller than those of `asem annotate cut`, so that there are many borders between
them. Supervoxels, what seeds say and what boundaries cost are those of the whole, as tests show they are by blocks;
only the cut is made anew in every block.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from annotate import CELLS, EPFL, ROOT, Mask, dice, make_seeds, read_epfl, show, simulated, spread
from asem_annotate import Prepared, boundary_costs, choose_settings, prepare
from asem_annotate.energy import Index, Strokes, find_evidence, find_strokes, seed_gain
from asem_annotate.labelling import cut_nodes

from asem_core import Box, VoxelSize

HALOS = (16, 32, 64)
ORGANELLE = 2


def of_box(prepared: Prepared, strokes: Strokes, box: Box) -> tuple[Prepared, Strokes, Index, Index]:
    """What lies in ``box``, and which supervoxels and pairs of the whole these are."""
    there = np.zeros(prepared.nodes, np.bool_)
    there[prepared.ids[box.slices]] = True
    nodes = np.flatnonzero(there)
    number = np.full(prepared.nodes, -1, np.int32)
    number[nodes] = np.arange(len(nodes))
    inside = (number[prepared.pairs] >= 0).all(axis=1)
    part = attrs.evolve(prepared, voxels=prepared.voxels[nodes], pairs=number[prepared.pairs[inside]])
    counts = {value: count[nodes] for value, count in strokes.counts.items()}
    return part, attrs.evolve(strokes, counts=counts, kinds=strokes.kinds[nodes]), nodes, np.flatnonzero(inside)


def compare(name: str, grey: npt.NDArray[np.uint8], truth: Mask, size: VoxelSize, seeds: npt.NDArray[np.uint8], *,
            core: int) -> Iterator[dict[str, Any]]:  # fmt: skip
    """A row for every halo."""
    settings, whole = choose_settings(name), Box.of_shape(grey.shape)
    prepared = prepare(grey, voxel_size=size, settings=settings)
    strokes = find_strokes(prepared, seeds)
    gain = seed_gain(prepared, find_evidence(prepared, strokes), ORGANELLE, settings)
    costs = boundary_costs(prepared, settings)
    at_once = cut_nodes(prepared, gain, costs, strokes=strokes, value=ORGANELLE)[prepared.ids]
    for halo in HALOS:
        found, began = np.zeros(grey.shape, np.bool_), time.process_time()
        for kept in whole.tiles(core):
            box = kept.grow((halo,) * 3).intersect(whole)
            part, there, nodes, pairs = of_box(prepared, strokes, box)
            cut = np.zeros(prepared.nodes, np.bool_)
            cut[nodes] = cut_nodes(part, gain[nodes], costs[pairs], strokes=there, value=ORGANELLE)
            found[kept.slices] = cut[prepared.ids[kept.slices]]
        yield {
            "organelle": name, "blocks": len(list(whole.tiles(core))), "halo": halo,
            "differ, of a million voxels": round(float((found != at_once).mean()) * 1e6),
            "Dice with the cut at once": f"{dice(found, at_once):.5f}", "Dice at once": dice(at_once, truth),
            "by blocks": dice(found, truth), "cpu s": round(time.process_time() - began, 1),
        }  # fmt: skip


def main() -> None:
    """Measure what there is data for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("ASEM_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data, help="folder with epfl_hippocampus")
    parser.add_argument("--cells", type=Path, default=Path("annotate_cells"), help="folder for simulated cells")
    parser.add_argument("--core", type=int, default=64, help="voxels a side of what a block keeps")
    parser.add_argument("--only", nargs="+", choices=["mito", *CELLS], default=["mito", *CELLS])
    args = parser.parse_args()
    for name in args.only:
        if name == "mito":
            if not (args.data / "epfl_hippocampus" / "raw").is_dir():
                continue
            (grey, truth), size = read_epfl(args.data)["middle"], EPFL
            seeds = make_seeds(truth, spread(8, len(truth)))
        else:
            grey, truth, size = simulated(name, args.cells / f"{name}.zarr")
            seeds = make_seeds(truth, range(4, len(truth), 8), eroded=1)
        show(f"{name}, {'x'.join(map(str, grey.shape))}", list(compare(name, grey, truth, size, seeds, core=args.core)))


if __name__ == "__main__":
    main()
