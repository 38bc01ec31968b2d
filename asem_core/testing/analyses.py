"""What an analysis must do: measure whatever it is given, by any blocks, in units that are what they say.

It is run on balls: none, one, several, and some that the faces of the volume cut; grey values, a cell mask and another
organelle are there where it takes them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.analysis.run import analyze
from asem_core.analysis.view import BLOCK
from asem_core.errors import AsemError
from asem_core.geometry import Triple, VoxelSize
from asem_core.plugins import attempt
from asem_core.registry import Registry
from asem_core.reporting.needs import need_packages
from asem_core.reporting.write import report
from asem_core.specs import AnalysisSpec
from asem_core.testing.check import Check, NotChecked, in_turn
from asem_core.testing.samples import as_volume, random_grey, tried_params

if TYPE_CHECKING:
    import xarray as xr

_SHAPE: Triple = (36, 40, 44)
_VOXEL_NM = 5.0
_BALLS = {
    "several objects": ((10, 10, 10, 4), (11, 28, 12, 5), (24, 12, 30, 6), (26, 30, 31, 4.5)),
    "no object": (),
    "one object": ((18, 20, 22, 7),),
    "objects that the faces cut": ((18, 20, 0, 5), (0, 0, 30, 4), (35, 39, 43, 6)),
}
"""Centre and radius, z, y, x, in voxels."""
_SEVERAL = "several objects"
_OTHER = ((10, 19, 11, 3), (24, 20, 30, 2))
_SMALL_BLOCK: Triple = (13, 17, 11)
_SAME = 1e-6
"""Relative; sums over other blocks may differ in their last digits."""
_POWERS = {"nm": 1, "nm2": 2, "nm3": 3, "um": 1, "um2": 2, "um3": 3}
"""By the last word of a name, the power of a length that it is."""


def analysis_checks(spec: AnalysisSpec, *, registry: Registry) -> Iterator[Check]:
    """The checks of an analysis.

    Parameters
    ----------
    registry
        In which it is.
    """
    of = partial(Check, subject=f"analysis {spec.name!r}")
    runs = _Runs(spec=spec, registry=registry)
    checks = {scene: partial(_measures, scene=scene) for scene in _BALLS} | {
        "blocks do not matter": _blocks,
        "units in names": _units,
        "voxels twice as large: volumes eight times": _law,
        "its page": _page,
    }
    yield from in_turn(of(name=name, find=partial(find, runs)) for name, find in checks.items())


@attrs.frozen(kw_only=True, eq=False)
class _Runs:
    """What the analysis gave so far: checks share it."""

    spec: AnalysisSpec
    registry: Registry
    known: dict[tuple[str, float, Triple], xr.Dataset] = attrs.field(factory=dict)

    def __call__(self, scene: str, *, times: float = 1.0, block: Triple = BLOCK) -> xr.Dataset:
        """The data set of ``scene`` with voxels ``times`` as large as usual ones."""
        key = (scene, times, block)
        if key not in self.known:
            with tempfile.TemporaryDirectory() as folder:
                self.known[key] = self.into(Path(folder) / "measured", scene, times=times, block=block).load()
        return self.known[key]

    def into(self, folder: Path, scene: str, *, times: float = 1.0, block: Triple = BLOCK) -> xr.Dataset:
        """The same, with the tables in ``folder``."""
        edge = _edge(self.spec) * times
        size = VoxelSize((edge, edge, edge))
        return analyze(
            as_volume(_labels(_BALLS[scene]), size),
            folder,
            analysis=self.spec.name,
            params=_scaled(self.spec, times),
            registry=self.registry,
            block=block,
            **_beside(self.spec, _BALLS[scene], size),
        )


def _edge(spec: AnalysisSpec) -> float:
    """Of the voxels, nm: usual ones if it measures at those."""
    least, most = spec.voxel_nm
    return float(min(max(_VOXEL_NM, least), most))


def _labels(balls: Any) -> npt.NDArray[np.uint16]:
    labels = np.zeros(_SHAPE, np.uint16)
    places = np.indices(_SHAPE)
    for number, (*centre, radius) in enumerate(balls, start=1):
        labels[((places - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(0) <= radius**2] = number
    return labels


def _beside(spec: AnalysisSpec, balls: Any, size: VoxelSize) -> dict[str, Any]:
    """The other inputs that it takes: membranes are dark, the cell is all but its first sections."""
    mask = np.ones(_SHAPE, np.uint8)
    mask[:4] = 0
    grey = random_grey(3, shape=_SHAPE).astype(np.float64) / 10 + 150
    grey[_labels(balls) != 0] -= 80
    made = {
        "raw": as_volume(grey.astype(np.uint8), size),
        "cell_mask": as_volume(mask, size),
        "others": {"other": as_volume(_labels(_OTHER), size)},
    }
    return {name: made[name] for name in {*spec.needs, *spec.takes}}


def _scaled(spec: AnalysisSpec, times: float) -> Mapping[str, Any]:
    """The default parameters, those in nm as much larger as the voxels are."""
    (params,) = tried_params(spec, ())
    values = attrs.asdict(params)
    return {
        name: type(value)(value * times ** _POWERS[name.rpartition("_")[2]])
        for name, value in values.items()
        if times != 1 and name.rpartition("_")[2] in _POWERS and isinstance(value, int | float)
    }


def _measures(runs: _Runs, scene: str) -> Iterator[str]:
    found = runs(scene)
    rows = found.sizes[runs.spec.row]
    if scene == "no object" and rows:
        yield f"{runs.spec.fn} gives {rows} rows where there is no object: give none"


def _blocks(runs: _Runs) -> Iterator[str]:
    whole, parts = runs(_SEVERAL), runs(_SEVERAL, block=_SMALL_BLOCK)
    for name in whole.variables:
        a, b = whole[name].values, parts[name].values
        same = a.shape == b.shape and (
            np.allclose(a, b, rtol=_SAME, atol=0, equal_nan=True) if a.dtype.kind == "f" else (a == b).all()
        )
        if not same:
            yield f"{name} depends on the blocks in which the volume is read: join what blocks share before measuring"


def _ratios(runs: _Runs) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Of every column of numbers, how much larger the rows are where voxels are twice as large."""
    if 2 * _edge(runs.spec) > runs.spec.voxel_nm[1]:
        raise NotChecked("it does not measure where voxels are twice as large")
    small, large = runs(_SEVERAL), runs(_SEVERAL, times=2)
    if small.sizes[runs.spec.row] != large.sizes[runs.spec.row] or not small.sizes[runs.spec.row]:
        raise NotChecked("it does not measure the same objects where voxels are twice as large")
    for name, values in small.data_vars.items():
        if values.dims == (runs.spec.row,) and values.dtype.kind == "f":
            known = np.isfinite(values.values) & np.isfinite(large[name].values) & (values.values != 0)
            yield str(name), large[name].values[known] / values.values[known]


def _units(runs: _Runs) -> Iterator[str]:
    powers = {2.0: "nm or um", 4.0: "nm2 or um2", 8.0: "nm3 or um3"}
    for name, ratios in _ratios(runs):
        for factor, units in powers.items():
            unitless = name.rpartition("_")[2] not in _POWERS
            if unitless and len(ratios) > 1 and np.allclose(ratios, factor, rtol=_SAME):
                yield f"{name} is {factor:g} times as much where voxels are twice as large: let its name end in {units}"


def _law(runs: _Runs) -> Iterator[str]:
    volumes = [(name, r) for name, r in _ratios(runs) if _POWERS.get(name.rpartition("_")[2]) == 3]
    if not any(len(ratios) for _, ratios in volumes):
        raise NotChecked("it gives no volume (a column that ends in _nm3 or _um3)")
    for name, ratios in volumes:
        if not np.allclose(ratios, 8, rtol=_SAME) and "_per_" not in name:
            yield f"{name} is {float(np.median(ratios)):.3g} times as much: multiply voxels by voxel_size.volume_nm3"


def _page(runs: _Runs) -> Iterator[str]:
    try:
        need_packages()
    except AsemError as why:
        raise NotChecked(str(why)) from None
    with tempfile.TemporaryDirectory() as folder:
        for number, scene in enumerate((_SEVERAL, "no object")):
            measured = Path(folder) / f"measured{number}"
            _, unmeasured = attempt(partial(runs.into, measured, scene))
            if unmeasured is not None:
                continue  # the check of that scene says it
            _, failed = attempt(partial(report, measured, measured / "report.html", registry=runs.registry))
            if failed is not None:
                yield f"{runs.spec.report or 'the report'}, of {scene}: {failed}"
