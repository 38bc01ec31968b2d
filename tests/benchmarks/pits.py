"""How well `asem analyze pits` recovers what is known of simulated pits: from true masks, at two fixations.

    python tests/benchmarks/pits.py [--count 8] [--cells cf-3 hpfs-21] [--voxel-size 5] [--filled] [--cache DIR]

Windows of 550 nm are drawn around pits, caveolae and vesicles of naive cells, ``--count`` of each kind per cell. What
touches a window's border, or has its centre in a protrusion of the cell, where the truth has no plane to count from, is
left out and counted. Classes by distance need more room than sizes: they are taken from windows of 1100 nm at 10 nm.
``--filled`` closes the lumens in the cell mask, as a mask made from the image may; they are then seen in the image.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from asem_analysis_pits.analysis import measure_all
from asem_analysis_pits.classes import CAVEOLA, EARLY, LATE, PIT, SECRETORY, VESICLE
from asem_analysis_pits.measure import Measured
from asem_analysis_pits.params import Pits
from asem_analysis_pits.population import classify_all
from asem_analysis_pits.table import row_of, to_dataset
from asem_dataset_simulated.cell.draw import View as Drawing
from asem_dataset_simulated.cell.draw import render_cell
from asem_dataset_simulated.cell.named import find_cell
from asem_dataset_simulated.cell.pits import Pit, Stage
from asem_dataset_simulated.cell.scene import Cell, make_cell

from asem_core.analysis import View
from asem_core.analysis.instances import number_objects
from asem_core.geometry import Box, VoxelSize, triple
from asem_core.volume.volume import Volume

SIZE_WINDOW_NM, CLASS_WINDOW_NM, CLASS_VOXEL = 550.0, 1100.0, VoxelSize((10.0, 10.0, 10.0))
PROTRUSION_NM = 30.0
CLASS_OF = {
    Stage.OPEN: PIT, Stage.LATE: PIT, Stage.CAVEOLA: CAVEOLA, Stage.ENDOCYTIC: VESICLE, Stage.SECRETORY: SECRETORY
}  # fmt: skip


def chosen(cell: Cell, count: int) -> list[Pit]:
    """Up to ``count`` of each kind, the first ones, away from the faces of the cell's box."""
    found = []
    for stage in Stage:
        pits = [pit for pit in cell.pits if pit.stage is stage and (pit.centre_nm > CLASS_WINDOW_NM / 2).all()]
        found += pits[:count]
    return found


def draw(cell: Cell, pit: Pit, voxel_size: VoxelSize, side_nm: float, cache: Path) -> dict[str, np.ndarray]:
    """Image and truth round ``pit``; ``lower`` is where they lie."""
    file = cache / f"{cell.spec.fixation}_{cell.spec.seed}_{voxel_size}_{side_nm:g}_{cell.pits.index(pit)}.npz"
    if file.exists():
        return dict(np.load(file))
    middle = pit.centre_nm - (0 if pit.vesicle else 40) * pit.normal
    shape = triple([round(side_nm / v) for v in voxel_size.zyx])
    lower = np.rint(middle - np.array(shape) * voxel_size.zyx / 2)
    drawing = Drawing(cell=cell, shape=shape, voxel_size_nm=voxel_size.zyx, origin_nm=tuple(lower.tolist()))
    drawn = {"lower": lower, **render_cell(drawing, Box.of_shape(shape))}
    np.savez_compressed(file, **{name: drawn[name] for name in ("lower", "image", "ccp", "caveola", "cell")})
    return drawn


def measure(
    cell: Cell, pit: Pit, voxel_size: VoxelSize, side_nm: float, *, filled: bool, cache: Path
) -> Measured | None:
    """The object that is ``pit``, measured from its true mask; None where its window cuts it."""
    drawn = draw(cell, pit, voxel_size, side_nm, cache)
    objects = np.where(drawn["ccp"] > 0, drawn["ccp"], 60000 * (drawn["caveola"] > 0)).astype(np.uint16)
    inside = (drawn["cell"] > 0) | (filled & (objects > 0))
    lower = tuple(drawn["lower"].tolist())
    arrays = {"objects": objects > 0, "raw": drawn["image"], "cell_mask": inside}
    volumes = {
        name: Volume(
            array=array.astype(np.uint8), voxel_size=voxel_size, lower_edge_nm=lower, uri=name, format="memory",
            chunks=(64, 64, 64),
        )
        for name, array in arrays.items()
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        view = View(**volumes, kind="labels", scratch=Path(folder), output=Path(folder))
        params = Pits()
        instances = number_objects(view, min_voxels=math.ceil(params.min_volume_nm3 / voxel_size.volume_nm3))
        found = measure_all(view, instances, params)
    middle = pit.centre_nm - (0 if pit.vesicle else max(pit.depth_nm, 10)) * pit.normal
    near = [m for m in found if not m.cut and np.linalg.norm(m.centre_nm - middle) < 60]
    return near[0] if near else None


def on_protrusion(cell: Cell, pit: Pit) -> bool:
    """Whether a filopodium or ruffle swallows the membrane that ``pit`` is on."""
    axes = tuple(np.array([value]) for value in pit.centre_nm + PROTRUSION_NM * pit.normal)
    return bool(cell.protrusions.distance(axes, 160.0).min() < 130)  # type: ignore[arg-type]


def rows(cells: Sequence[str], count: int, voxel_size: VoxelSize, *, filled: bool, cache: Path) -> Iterator[Any]:
    """(cell, pit, measured for size, measured for distance)."""
    for name in cells:
        cell = make_cell(find_cell(name).spec)
        for pit in chosen(cell, count):
            if not pit.vesicle and on_protrusion(cell, pit):
                print(f"left out: {pit.stage.value} in a protrusion of {name}")
                continue
            sized = measure(cell, pit, voxel_size, SIZE_WINDOW_NM, filled=filled, cache=cache)
            placed = measure(cell, pit, CLASS_VOXEL, CLASS_WINDOW_NM, filled=filled, cache=cache)
            if sized is None or placed is None:
                print(f"left out: {pit.stage.value} of {name}, cut by its window or merged with another object")
                continue
            yield name, pit, sized, placed


def auc(low: np.ndarray, high: np.ndarray) -> float:
    """Chance that a value of ``high`` is above one of ``low``."""
    return float(np.mean(high[:, None] > low[None, :]) + 0.5 * np.mean(high[:, None] == low[None, :]))


def report(cells: Sequence[str], count: int, voxel_size: VoxelSize, *, filled: bool, cache: Path) -> None:
    """Measure and print."""
    began = time.perf_counter()
    found = list(rows(cells, count, voxel_size, filled=filled, cache=cache))
    sized = [m for _, _, m, _ in found]
    dataset = to_dataset([row_of(m) for m in sized], sized, range(1, len(sized) + 1))
    truth = [pit.measures() for _, pit, _, _ in found]
    kinds = np.array([pit.stage.value for _, pit, _, _ in found])
    print(
        f"{len(found)} objects of {', '.join(cells)} at {voxel_size}, {time.perf_counter() - began:.0f} s with drawing"
    )
    print("\nmedian absolute error | bias, nm (number)")
    names = ("neck", "height", "width", "major", "minor")
    print(f"{'':18s}" + "".join(f"{name:>18s}" for name in names))
    sure = dataset.arc_deg.values >= 200
    groups = {kind: kinds == kind for kind in dict.fromkeys(kinds)}
    for kind, those in {**groups, "all": kinds != "", "all, arc >= 200": sure}.items():
        cells_of_row = []
        for name in names:
            true = np.array([t.get(name, np.nan) for t in truth])
            error = (dataset[f"{name}_nm"].values - true)[those]
            missing = int((np.isnan(error) & np.isfinite(true[those])).sum())
            error = error[np.isfinite(error)]
            text = f"{np.median(np.abs(error)):.1f} | {error.mean():+.1f} ({len(error)})" if len(error) else "-"
            cells_of_row.append(text + (f" -{missing}" if missing else ""))
        print(f"{kind:18s}" + "".join(f"{text:>18s}" for text in cells_of_row))
    _classes(found, dataset, kinds, voxel_size)


def _classes(found: list[Any], dataset: Any, kinds: np.ndarray, voxel_size: VoxelSize) -> None:
    params = Pits()
    table = classify_all(dataset, {}, edge_nm=max(voxel_size.zyx), params=params)
    pit = np.isin(kinds, [Stage.OPEN.value, Stage.LATE.value])
    early = np.where(kinds == Stage.OPEN.value, EARLY, LATE)
    for column in ("stage", "cluster"):
        right = (table[column].values == early)[pit]
        print(f"{column} right: {right.mean():.1%} of {len(right)}")
    score = dataset.enhancement.values
    for cell in dict.fromkeys(name for name, *_ in found):
        here = np.array([name == cell for name, *_ in found])
        a, b = score[here & (kinds == Stage.CAVEOLA.value)], score[here & pit]
        print(f"caveola against coated pit in {cell}: AUC {auc(a, b):.3f}; {a.min():.2f}..{a.max():.2f} against "
              f"{b.min():.2f}..{b.max():.2f}")  # fmt: skip
    print(f"coat threshold {table.attrs['coat_threshold']:.2f}")
    placed = [m for *_, m in found]
    rough = to_dataset([row_of(m) for m in placed], placed, range(1, len(placed) + 1))
    rough["enhancement"] = dataset.enhancement
    classes = classify_all(rough, {}, edge_nm=max(CLASS_VOXEL.zyx), params=params)
    given = classes["class"].values
    wanted = np.array([CLASS_OF[p.stage] for _, p, _, _ in found])
    by_distance = {PIT: PIT, CAVEOLA: PIT, VESICLE: VESICLE, SECRETORY: SECRETORY}
    same = np.array([by_distance[g] == by_distance[w] for g, w in zip(given, wanted, strict=True)])
    print(f"class by distance right: {same.mean():.1%} of {len(same)}; class right: {np.mean(given == wanted):.1%}")
    for index in np.flatnonzero(~same):
        print(f"  {wanted[index]} taken for {given[index]}, {rough.distance_nm.values[index]:.0f} nm from the membrane")


def main() -> None:
    """Parse and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--cells", nargs="+", default=["cf-3", "hpfs-21"])
    parser.add_argument("--voxel-size", type=VoxelSize.parse, default=VoxelSize((5.0, 5.0, 5.0)))
    parser.add_argument("--filled", action="store_true")
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = args.cache or Path(folder)
        cache.mkdir(exist_ok=True)
        report(args.cells, args.count, args.voxel_size, filled=args.filled, cache=cache)


if __name__ == "__main__":
    main()
