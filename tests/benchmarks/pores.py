"""Pore diameters against the truth of simulated cells: found, bias, spread, and whether one size is told from many.

Run: python tests/benchmarks/pores.py [--work FOLDER] [--only paper,single] [--diameter UM] [--model pore-10nm]

A whole nucleus of a cell of 4 um, 68 pores, is simulated at 5 nm for each row (a minute of CPU each) unless
FOLDER holds it already, and measured from its true pore labels, or with --model from what that model finds.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

import attrs
import numpy as np
from asem_dataset_simulated.cell.draw import View
from asem_dataset_simulated.cell.write import write_view
from asem_dataset_simulated.simulate import Request, make_view
from scipy import stats
from scipy.spatial import cKDTree

from asem_core import VoxelSize, make_registry, segment
from asem_core.analysis import analyze

AROUND_NM = 110.0
PLACE = ("z_nm", "y_nm", "x_nm")
CASES = {
    "paper": Request(preset="cf", seed=1, voxel_size=VoxelSize((5, 5, 5))),
    "single": Request(preset="cf", seed=1, voxel_size=VoxelSize((5, 5, 5)), pore_diameter_nm=92.0),
    "aniso": Request(preset="cf", seed=1, voxel_size=VoxelSize((5.2, 4, 4))),
    "hpfs": Request(preset="hpfs", seed=1, voxel_size=VoxelSize((5, 5, 5))),
    **{
        f"{preset}-{side}": Request(preset=preset, seed=1, voxel_size=VoxelSize((side, side, side)))
        for preset in ("cf", "hpfs")
        for side in (4, 8, 10)
    },
}
"""``aniso`` is the cell of ``paper``, half of it, at low y; ``cf-8``: chemically fixed, in voxels of 8 nm."""


def nucleus(request: Request, diameter_um: float, *, half: bool) -> View:
    """The part of a cell that holds its nucleus, or half of it."""
    view = make_view(attrs.evolve(request, diameter_um=diameter_um, shape=(64, 64, 64)))
    size = np.array(request.voxel_size.zyx)
    pores = np.array([pore.centre_nm for pore in view.cell.pores])
    low, high = pores.min(axis=0) - AROUND_NM, pores.max(axis=0) + AROUND_NM
    if half:
        high[1] = (low[1] + high[1]) / 2
    low = np.floor(low / size) * size
    z, y, x = (int(n) for n in np.ceil((high - low) / size))
    return attrs.evolve(view, shape=(z, y, x), origin_nm=tuple(float(edge) for edge in low))


def compare(name: str, volume: Path, masks: Path, output: Path) -> dict[int, float]:
    """Measure the pores of ``masks``, print a row; the measured diameter per true label."""
    with (volume / "tables" / "pores.csv").open() as file:
        truth = [row for row in csv.DictReader(file) if row["complete"] == "True"]
    started = time.process_time()
    found = analyze(masks, output, analysis="pores", raw=volume, registry=make_registry(), overwrite=True)
    seconds = time.process_time() - started
    places = np.array([[float(row[axis]) for axis in PLACE] for row in truth])
    distance, nearest = cKDTree(np.stack([found[axis] for axis in PLACE], axis=1)).query(places)
    measured = found.diameter_nm.values[nearest]
    true = np.array([float(row["diameter_nm"]) for row in truth])
    known = np.isfinite(measured) & (distance < 40)
    error = (measured - true)[known]
    elsewhere = int(np.isfinite(found.diameter_nm.values).sum()) - len(set(nearest[known]))
    values = found.attrs["statistics"]
    skew = stats.skew(true) if np.ptp(true) > 0 else np.nan
    print(
        f"{name:<8}{known.sum():>4} of {len(true):<4}{error.mean():>7.2f}{error.std():>6.2f}{np.abs(error).max():>6.1f}"
        f"   {np.median(true):>6.1f} {values['median_nm']:>6.1f}"
        f"   {np.percentile(true, 10):>5.1f}-{np.percentile(true, 90):<5.1f} "
        f"{values['p10_nm']:>5.1f}-{values['p90_nm']:<5.1f}   {skew:>5.2f} {values['skew']:>5.2f}"
        f"   {values['ks_p']:>8.2g} {values['ks_one_sample_p']:>8.2g} {'no' if values['one_size'] else 'yes':>5}"
        f"{1000 * seconds / max(len(true), 1):>8.0f}{elsewhere:>6}"
    )
    return {int(row["label"]): float(value) for row, value, ok in zip(truth, measured, known, strict=True) if ok}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="keep the simulated volumes here")
    parser.add_argument("--only", default=",".join(CASES), help=f"names of rows: {', '.join(CASES)}")
    parser.add_argument("--model", help="measure what this model of the organelle pore finds")
    parser.add_argument("--diameter", type=float, default=4.0, help="of the cell, um")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.work or Path(scratch)
        folder.mkdir(exist_ok=True)
        print("nm; true and measured side by side; ms of CPU per pore; other: measured where no complete pore is")
        print("cell       found     bias    SD   max   median        10-90 %                    skew"
              "          KS p  one-smp p broad      ms other")  # fmt: skip
        found = {}
        for name in given.only.split(","):
            volume = folder / f"{name}.zarr"
            if not volume.exists():
                write_view(volume, nucleus(CASES[name], given.diameter, half=name == "aniso"))
            masks = volume / "labels" / "pore"
            if given.model:
                masks = folder / f"{name}_{given.model}.zarr"
                segment(volume, masks, organelle="pore", model=given.model, overwrite=True)
            found[name] = compare(name, volume, masks, folder / f"{name}_out")
        if {"paper", "aniso"} <= found.keys():
            both = found["paper"].keys() & found["aniso"].keys()
            apart = np.array([found["aniso"][label] - found["paper"][label] for label in both])
            print(f"aniso less paper, the same {len(both)} pores: mean {apart.mean():.2f}, SD {apart.std():.2f} nm")


if __name__ == "__main__":
    main()
