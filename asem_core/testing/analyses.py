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
from asem_core.specs.analyses import OTHER
from asem_core.testing.check import Check, NotChecked, in_turn
from asem_core.testing.samples import as_volume, random_grey, tried_params
from asem_core.volume.volume import Volume

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
_OTHER = ((10, 19, 11, 3), (24, 20, 30, 2))
_OTHER_NAME = "other"
_ASIDE = (4, -3, 2)
"""From the centre of a ball to that of the smaller one beside it, where objects lie askew."""
_SMALL_BLOCK: Triple = (13, 17, 11)
_SAME = 1e-6
"""Relative; sums over other blocks may differ in their last digits."""
_OBLONG = (1.0, 1.5, 1.25)
"""Edges of voxels that are no cubes, z, y, x, in those of the smallest."""
_AS_STORED: Triple = (0, 1, 2)
_TURNED: tuple[Triple, ...] = ((1, 2, 0), (2, 1, 0))
"""Orders of the axes: whichever two or three an analysis mixes up, it does so differently in one of these."""
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
    checks = {balls: partial(_measures, scene=_Scene(balls=balls)) for balls in _BALLS} | {
        "blocks do not matter": _blocks,
        "units in names": _units,
        "voxels twice as large: volumes eight times": _law,
        "axes do not matter": _axes,
        "its page": _page,
    }
    yield from in_turn(of(name=name, find=partial(find, runs)) for name, find in checks.items())


@attrs.frozen(kw_only=True, eq=False)
class _Runs:
    """What the analysis gave so far: checks share it."""

    spec: AnalysisSpec
    registry: Registry
    known: dict[tuple[_Scene, Triple], xr.Dataset] = attrs.field(factory=dict)

    def __call__(self, scene: _Scene, *, block: Triple = BLOCK) -> xr.Dataset:
        """The data set of ``scene``."""
        key = (scene, block)
        if key not in self.known:
            with tempfile.TemporaryDirectory() as folder:
                self.known[key] = self.into(Path(folder) / "measured", scene, block=block).load()
        return self.known[key]

    def into(self, folder: Path, scene: _Scene, *, block: Triple = BLOCK) -> xr.Dataset:
        """The same, with the tables in ``folder``."""
        balls = _BALLS[scene.balls]
        return analyze(
            scene.volume(_labels(balls, askew=scene.askew), _edge(self.spec)),
            folder,
            analysis=self.spec.name,
            params=_scaled(self.spec, scene.times),
            registry=self.registry,
            block=block,
            **_beside(self.spec, balls, scene),
        )


@attrs.frozen(kw_only=True)
class _Scene:
    """What is measured."""

    balls: str
    """Of `_BALLS`."""
    times: float = 1.0
    """Edge of the voxels in usual ones."""
    oblong: bool = False
    """Whether voxels are no cubes."""
    askew: bool = False
    """Whether objects are no balls, and lie along no axis."""
    order: Triple = _AS_STORED
    """Of the axes, voxel size and all: the scene itself stays as it is."""

    def volume(self, array: npt.NDArray[Any], edge: float) -> Volume:
        """``array`` in voxels of ``edge`` nm."""
        edges = [edge * self.times * (each if self.oblong else 1) for each in _OBLONG]
        return as_volume(np.transpose(array, self.order), VoxelSize([edges[axis] for axis in self.order]))


_SEVERAL, _NONE = _Scene(balls="several objects"), _Scene(balls="no object")
_ASKEW = attrs.evolve(_SEVERAL, askew=True)


def _edge(spec: AnalysisSpec) -> float:
    """Of the voxels, nm: usual ones if it measures at those."""
    least, most = spec.voxel_nm
    return float(min(max(_VOXEL_NM, least), most))


def _labels(balls: Any, *, askew: bool = False) -> npt.NDArray[np.uint16]:
    labels = np.zeros(_SHAPE, np.uint16)
    places = np.indices(_SHAPE)
    for number, (*centre, radius) in enumerate(balls, start=1):
        for shift, part in ((0, 1.0), (_ASIDE, 0.7)) if askew else ((0, 1.0),):
            middle = np.reshape(np.add(centre, shift), (3, 1, 1, 1))
            labels[((places - middle) ** 2).sum(0) <= (part * radius) ** 2] = number
    return labels


def _beside(spec: AnalysisSpec, balls: Any, scene: _Scene) -> dict[str, Any]:
    """The other inputs that it takes: membranes are dark, the cell is all but its first sections."""
    mask = np.ones(_SHAPE, np.uint8)
    mask[:4] = 0
    grey = random_grey(3, shape=_SHAPE).astype(np.float64) / 10 + 150
    grey[_labels(balls) != 0] -= 80
    edge = _edge(spec)
    made = {
        "raw": scene.volume(grey.astype(np.uint8), edge),
        "cell_mask": scene.volume(mask, edge),
        "others": {_OTHER_NAME: scene.volume(_labels(_OTHER), edge)},
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


def _measures(runs: _Runs, scene: _Scene) -> Iterator[str]:
    found = runs(scene)
    rows = found.sizes[runs.spec.row]
    if scene == _NONE and rows:
        yield f"{runs.spec.fn} gives {rows} rows where there is no object: give none"


def _blocks(runs: _Runs) -> Iterator[str]:
    whole, parts = runs(_SEVERAL), runs(_SEVERAL, block=_SMALL_BLOCK)
    for name in whole.variables:
        if not _alike(whole[name].values, parts[name].values):
            yield f"{name} depends on the blocks in which the volume is read: join what blocks share before measuring"


def _axes(runs: _Runs) -> Iterator[str]:
    """What depends on the order of the axes where voxels are cubes too, such as a thinning, mixes up no lengths."""
    if _edge(runs.spec) * max(_OBLONG) > runs.spec.voxel_nm[1]:
        raise NotChecked("it does not measure where voxels are no cubes")
    turning = _turning(runs, attrs.evolve(_ASKEW, oblong=True))
    for name in sorted(turning and turning - _turning(runs, _ASKEW)):
        yield (
            f"{name} is another one where voxels are no cubes and the same objects are stored with their axes in "
            "another order: take lengths from voxel_size.zyx, axis by axis"
        )


def _turning(runs: _Runs, scene: _Scene) -> set[str]:
    """Columns of numbers, quantities of the objects, that are others where the axes of ``scene`` are in another order.

    Rows may be in another order, since objects are met in another one.
    """
    spec, as_stored = runs.spec, runs(scene)
    unmeasured = {name.replace(OTHER, _OTHER_NAME) for out in spec.outputs if not out.measures for name in out.names}
    columns = {str(name): column.values for name, column in as_stored.data_vars.items() if column.dims == (spec.row,)}
    return {
        name
        for name, values in columns.items()
        if name not in unmeasured and values.dtype.kind in "iuf"
        for order in _TURNED
        if not _alike(np.sort(values), np.sort(runs(attrs.evolve(scene, order=order))[name].values))
    }


def _alike(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    if a.shape != b.shape:
        return False
    return bool(np.allclose(a, b, rtol=_SAME, atol=0, equal_nan=True) if a.dtype.kind == "f" else (a == b).all())


def _ratios(runs: _Runs) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Of every column of numbers, how much larger the rows are where voxels are twice as large."""
    if 2 * _edge(runs.spec) > runs.spec.voxel_nm[1]:
        raise NotChecked("it does not measure where voxels are twice as large")
    small, large = runs(_SEVERAL), runs(attrs.evolve(_SEVERAL, times=2))
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
        for number, scene in enumerate((_SEVERAL, _NONE)):
            measured = Path(folder) / f"measured{number}"
            _, unmeasured = attempt(partial(runs.into, measured, scene))
            if unmeasured is not None:
                continue  # the check of that scene says it
            _, failed = attempt(partial(report, measured, measured / "report.html", registry=runs.registry))
            if failed is not None:
                yield f"{runs.spec.report or 'the report'}, of {scene.balls}: {failed}"
