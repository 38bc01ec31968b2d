"""An hour of annotating ER from nothing, by a script that draws as a person would: strokes and cuts, or a brush.

    python tests/benchmarks/annotating.py [--cell er.zarr] [--minutes 60] [--picture FILE] [--json FILE]

A stroke along a band of width w and length l takes ``AIM + STEER * l / w`` seconds: the steering law (Accot and Zhai
1997, *Beyond Fitts' law*: about 0.08 s for every width that is passed), with a second to aim. Turning to another
section takes ``TURN`` seconds, waiting for the cut and looking at it ``LOOK``. These four numbers are assumptions.

- strokes: look at the section that is most wrong, draw `STROKES` through the largest mistakes in it, cut again;
- brush: every object of a section along its middle, with a disc as wide as it is in the median; the next section is
  halfway between two that are done, and what lies between is interpolated.

The script knows the truth, so it never overlooks a mistake.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from annotate import CELLS, dice, simulated
from asem_annotate import boundary_costs, choose_settings, interpolate, prepare, solve
from matplotlib.figure import Figure
from scipy import ndimage
from skimage.graph import route_through_array
from skimage.morphology import skeletonize

from asem_core import VoxelSize
from asem_core.reporting.figures import BLUE, ORANGE

AIM, STEER, TURN, LOOK = 1.0, 0.08, 2.0, 2.0
"""Seconds."""
STROKES = 5
"""In a section before the cut is made again."""
LONGEST = 60
"""Voxels of a stroke."""
TIMES = (1, 2, 5, 10, 20, 30, 45, 60)
"""Minutes at which the Dice is told."""
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.int64]
Curve = list[tuple[float, float]]
"""Seconds and Dice."""


def seconds(length: float, width: float) -> float:
    """Of one stroke; lengths in voxels."""
    return AIM + STEER * length / max(width, 1.0)


def stroke_through(region: Mask) -> tuple[Points, float]:
    """The longest way along the middle of ``region`` ``(y, x)``, at most `LONGEST`, and the width of the region."""
    middle = np.argwhere(skeletonize(region))
    cost = np.where(region, 1.0, 1e6)
    start = middle[0]
    for _ in range(2):  # the end farthest from any point is an end of the longest way
        start, end = middle[np.linalg.norm(middle - start, axis=1).argmax()], start
    way, _ = route_through_array(cost, start, end)
    points = np.array(way)[:LONGEST]
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    return points, float(2 * np.median(depth[tuple(points.T)]))


def draw_strokes(section: Mask, wrong: Mask, seeds: npt.NDArray[np.uint8]) -> float:
    """Draw through the largest mistakes of a section, into ``seeds`` ``(y, x)``; gives the seconds it took."""
    spent = TURN
    regions, count = ndimage.label(np.where(wrong, section + 1, 0) == 2)
    others, more = ndimage.label(wrong & ~section)
    regions[others > 0] = others[others > 0] + count
    sizes = np.bincount(regions.ravel(), minlength=count + more + 1)[1:]
    for number in np.argsort(-sizes, kind="stable")[:STROKES] + 1:
        if not sizes[number - 1]:
            break
        points, width = stroke_through(regions == number)
        seeds[tuple(points.T)] = 2 if number <= count else 1
        spent += seconds(len(points), width)
    return spent


def by_strokes(grey: npt.NDArray[np.uint8], truth: Mask, voxel_size: VoxelSize, limit: float) -> Curve:
    """Dice after every cut."""
    settings = choose_settings("er")
    prepared = prepare(grey, voxel_size=voxel_size, settings=settings)
    boundary = boundary_costs(prepared, settings)
    seeds = np.zeros(truth.shape, np.uint8)
    clock, found, curve = 0.0, np.zeros_like(truth), [(0.0, 0.0)]
    fullest = int(truth.sum((1, 2)).argmax())
    depth = ndimage.distance_transform_edt(~truth[fullest])
    ground, width = stroke_through(depth > depth.max() / 2)
    seeds[fullest][tuple(ground.T)] = 1
    clock += seconds(len(ground), width)
    while clock < limit:
        wrong = (found != truth) & (seeds == 0)
        worst = int(wrong.sum((1, 2)).argmax())
        clock += draw_strokes(truth[worst], wrong[worst], seeds[worst]) + LOOK
        found = solve(prepared, seeds, settings=settings, boundary=boundary) == 2
        curve.append((clock, dice(found, truth)))
    return curve


def halving(sections: int) -> Iterator[int]:
    """Both ends, the middle, the middles of the halves, and so on: every section once."""
    done = {0, sections - 1}
    yield from sorted(done)
    while len(done) < sections:
        known = sorted(done)
        for below, above in pairwise(known):
            if above - below > 1:
                middle = (below + above) // 2
                done.add(middle)
                yield middle


def brushed(section: Mask) -> tuple[npt.NDArray[np.uint8], float]:
    """A section with every object of ``section`` ``(y, x)`` drawn along its middle, and the seconds that takes."""
    objects, n = ndimage.label(section)
    depth = ndimage.distance_transform_edt(np.pad(section, 1))[1:-1, 1:-1]
    middle, spent = skeletonize(section), 0.0
    drawn = np.zeros(section.shape, np.uint8)
    for number in range(1, n + 1):
        along = middle & (objects == number)
        radius = float(np.median(depth[along]))
        drawn[ndimage.distance_transform_edt(~along) < radius] = 2
        spent += seconds(float(along.sum()), 2 * radius)
    return drawn, spent


def by_brush(truth: Mask, voxel_size: VoxelSize, limit: float) -> Curve:
    """Dice after every section, with what is interpolated between."""
    clock, seeds, curve = 0.0, np.zeros(truth.shape, np.uint8), [(0.0, 0.0)]
    for count, number in enumerate(halving(len(truth)), start=1):
        seeds[number], spent = brushed(truth[number])
        clock += TURN + spent
        if clock > limit:
            break
        if count > 1:
            curve.append((clock, dice(interpolate(seeds, voxel_size=voxel_size) == 2, truth)))
    return curve


def at(curve: Curve, minutes: float) -> float:
    """The Dice that had been reached by then."""
    return [found for clock, found in curve if clock <= 60 * minutes][-1]


def draw(strokes: Curve, brush: Curve, picture: Path) -> None:
    """Dice against minutes."""
    figure = Figure(figsize=(5.5, 3.4), layout="constrained")
    axes = figure.subplots()
    for curve, colour, name in (
        (strokes, BLUE, "strokes and graph cut"),
        (brush, ORANGE, "brush, interpolated between"),
    ):
        clock, found = np.array(curve).T
        axes.step(clock / 60, found, where="post", color=colour, label=name)
    axes.set(xlabel="minutes of drawing", ylabel="Dice of ER", ylim=(0, 1), xlim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(picture, dpi=150, facecolor="white")


def main(arguments: Sequence[str] | None = None) -> None:
    """Annotate both ways, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", type=Path, default=Path("annotate_cells/er.zarr"), help=f"made by {CELLS['er']}")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--picture", type=Path, help="figure to draw")
    parser.add_argument("--json", type=Path, help="also write the curves here")
    args = parser.parse_args(arguments)
    grey, truth, voxel_size = simulated("er", args.cell)
    strokes = by_strokes(grey, truth, voxel_size, 60 * args.minutes)
    brush = by_brush(truth, voxel_size, 60 * args.minutes)
    print("| minutes | strokes and cut | brush |\n|---|---|---|")
    for minutes in TIMES:
        if minutes <= args.minutes:
            print(f"| {minutes} | {at(strokes, minutes):.3f} | {at(brush, minutes):.3f} |")
    if args.picture:
        draw(strokes, brush, args.picture)
    if args.json:
        args.json.write_text(json.dumps({"strokes": strokes, "brush": brush}))


if __name__ == "__main__":
    main()
