"""A drawn piece of cell with one object of every kind, whose sizes are those of the simulator's formulas."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest
import xarray as xr
from asem_dataset_simulated.cell.pits import BILAYER_NM, COAT_NM, Pit, Stage, with_membrane
from scipy import ndimage

from asem_core.geometry import VoxelSize

Extent = tuple[float, float, float]
OUTSIDE, CYTOPLASM, MEMBRANE = 220.0, 175.0, 10.0
NORMAL = np.array([0.25, -0.95, 0.18]) / np.linalg.norm([0.25, -0.95, 0.18])


@attrs.frozen(kw_only=True, eq=False)
class Drawn:
    """Arrays ``(z, y, x)`` and the truth: object k + 1 is ``pits[k]``."""

    objects: np.ndarray
    raw: np.ndarray
    cell: np.ndarray
    pits: tuple[Pit, ...]
    voxel_size: VoxelSize


def draw(pits: tuple[Pit, ...], *, extent_nm: Extent, voxel_nm: Extent) -> Drawn:
    """A flat tilted membrane through the middle of x and z at y = 180 nm, cytoplasm below it at larger y."""
    shape = [round(e / v) for e, v in zip(extent_nm, voxel_nm, strict=True)]
    place = (np.moveaxis(np.indices(shape), 0, -1) + 0.5) * voxel_nm
    outline = ((place - _anchor(extent_nm)) @ NORMAL).astype(np.float32)
    objects = np.zeros(shape, np.uint16)
    dark = np.zeros(shape, np.float32)
    for pit in pits:
        along = (place - pit.centre_nm) @ pit.normal
        across = np.sqrt(np.maximum(((place - pit.centre_nm) ** 2).sum(axis=-1) - along**2, 0))
        lumen = pit.lumen(across.astype(np.float32), -along.astype(np.float32))
        thickness = BILAYER_NM + (COAT_NM if pit.coated else 0)
        body = lumen < thickness
        if pit.vesicle:
            dark[(lumen > 0) & body] = 0.85
        else:
            body &= (outline < 0) | (lumen < 0)
            dark[(lumen > 0) & body & (outline < -4)] = 0.85
            outline = np.where(across < 150, -with_membrane(lumen, -outline), outline)
        objects[body] = 1 + pits.index(pit)
    dark[(outline < 0) & (outline > -BILAYER_NM)] = 1
    grey = np.where(outline < 0, CYTOPLASM, OUTSIDE) * (1 - dark) + MEMBRANE * dark
    grey = ndimage.gaussian_filter(grey, 8.0 / np.array(voxel_nm))
    grey += np.random.default_rng(3).normal(0, 4, shape)
    return Drawn(
        objects=objects,
        raw=np.clip(grey, 0, 255).astype(np.uint8),
        cell=(outline < 0).astype(np.uint8),
        pits=pits,
        voxel_size=VoxelSize(voxel_nm),
    )


def _anchor(extent_nm: Extent) -> np.ndarray:
    return np.array([extent_nm[0] / 2, 180.0, extent_nm[2] / 2])


def on_membrane(stage: Stage, x_nm: float, *, extent_nm: Extent, **sizes: float) -> Pit:
    """A pit in the middle of z at ``x_nm``."""
    anchor = _anchor(extent_nm)
    point = np.array([anchor[0], 0.0, x_nm])
    point[1] = anchor[1] - ((point - anchor)[[0, 2]] @ NORMAL[[0, 2]]) / NORMAL[1]
    return Pit(0, stage, point, NORMAL, **sizes)


def _cell(voxel_nm: Extent) -> Drawn:
    extent = (400.0, 480.0, 1300.0)
    late = on_membrane(Stage.LATE, 200, extent_nm=extent, lateral_nm=38, axial_nm=44, depth_nm=70, neck_radius_nm=10)
    early = on_membrane(Stage.OPEN, 500, extent_nm=extent, lateral_nm=46, axial_nm=44, depth_nm=14)
    caveola = on_membrane(Stage.CAVEOLA, 800, extent_nm=extent, lateral_nm=41, axial_nm=34, depth_nm=28)
    vesicle = Pit(0, Stage.ENDOCYTIC, np.array([200.0, 400.0, 1120.0]), np.array([1.0, 0, 0]), 34, 32)
    return draw((late, early, caveola, vesicle), extent_nm=extent, voxel_nm=voxel_nm)


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    """A late pit, an early pit, a caveola and an endocytic vesicle, at 5 nm."""
    return _cell((5.0, 5.0, 5.0))


@pytest.fixture(scope="session")
def drawn_anisotropic() -> Drawn:
    """The same, in sections of 8 nm."""
    return _cell((8.0, 4.0, 4.0))


def view_of(drawn: Drawn, folder: Path, *, block: tuple[int, int, int] = (64, 64, 64), **changes: Any) -> Any:
    """An `asem_core.analysis.View` of arrays in memory."""
    from asem_core.analysis import View
    from asem_core.volume.volume import Volume

    arrays = {"objects": drawn.objects, "raw": drawn.raw, "cell_mask": drawn.cell, **changes}
    volumes = {
        name: Volume(array=array, voxel_size=drawn.voxel_size, uri=name, format="memory", chunks=block)
        for name, array in arrays.items()
    }
    for name in ("scratch", "output"):
        (folder / name).mkdir(exist_ok=True)
    return View(**volumes, kind="labels", scratch=folder / "scratch", output=folder / "output", block=block)


def _measured(drawn: Drawn, folder: Path) -> xr.Dataset:
    from asem_analysis_pits.analysis import measure_pits
    from asem_analysis_pits.params import Pits

    return measure_pits(view_of(drawn, folder), params=Pits())


@pytest.fixture(scope="session")
def found(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """`drawn`, measured."""
    return _measured(drawn, tmp_path_factory.mktemp("found"))


@pytest.fixture(scope="session")
def found_anisotropic(drawn_anisotropic: Drawn, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """`drawn_anisotropic`, measured."""
    return _measured(drawn_anisotropic, tmp_path_factory.mktemp("found_anisotropic"))


@pytest.fixture
def make_view(tmp_path: Path) -> Any:
    """`view_of` with a folder."""
    return lambda drawn, **changes: view_of(drawn, tmp_path, **changes)


@pytest.fixture(scope="session")
def helpers() -> SimpleNamespace:
    """`draw` and `on_membrane` for tests that draw their own."""
    return SimpleNamespace(draw=draw, on_membrane=on_membrane, view_of=view_of)
