"""`render_cell`: any box of a cell's image and truth, bit for bit the same however the volume is cut into boxes.

The volume is drawn in fixed tiles of `TILE` voxels, each with a halo for what blurs; a box is cut from the tiles
that it touches, so boxes of whole tiles cost least.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from asem_core.geometry import Box
from asem_dataset_simulated.cell.canvas import CellCanvas
from asem_dataset_simulated.cell.fields import make_fields
from asem_dataset_simulated.cell.paint import paint
from asem_dataset_simulated.cell.ribosomes import REACH_NM
from asem_dataset_simulated.cell.scene import Cell, CellSpec, make_cell
from asem_dataset_simulated.cell.style import LABELS
from asem_dataset_simulated.grid import Triple, VoxelSize
from asem_dataset_simulated.microscope import halo_voxels, microscope
from asem_dataset_simulated.noise import smooth_grid
from asem_dataset_simulated.shapes import Axes, smoothing_nm

TILE = 128
IMAGE = "image"
_WAVE_NM, _RIPPLE_NM = 120.0, 46.0
_SALT = 200  # of wave; ripple and grain have the next ones


@frozen(kw_only=True)
class Window:
    """What part of which cell is imaged: shape in voxels, voxel size and lower edge in nm, all zyx."""

    spec: CellSpec
    shape: Triple
    voxel_size_nm: VoxelSize
    origin_nm: tuple[float, float, float]

    def view(self) -> View:
        """The same with the cell drawn, which takes some seconds."""
        cell = make_cell(self.spec)
        return View(cell=cell, shape=self.shape, voxel_size_nm=self.voxel_size_nm, origin_nm=self.origin_nm)


@frozen(eq=False)
class View:
    """The part of a drawn cell that is imaged: shape in voxels, voxel size and lower edge in nm, all zyx."""

    cell: Cell
    shape: Triple
    voxel_size_nm: VoxelSize
    origin_nm: tuple[float, float, float]

    @property
    def window(self) -> Window:
        """What was asked for."""
        return Window(spec=self.cell.spec, shape=self.shape, voxel_size_nm=self.voxel_size_nm, origin_nm=self.origin_nm)


def render_cell(view: View, box: Box) -> dict[str, NDArray[np.uint8 | np.uint16]]:
    """Draw one box.

    Returns
    -------
    dict
        ``"image"``: uint8 (z, y, x); and the labels named in `LABELS`: uint16, the same shape.
    """
    result: dict[str, NDArray[np.uint8 | np.uint16]] = {IMAGE: np.empty(box.shape, np.uint8)}
    result |= {name: np.empty(box.shape, np.uint16) for name in LABELS}
    for tile in Box.of_shape(view.shape).tiles(TILE):
        common = tile.intersect(box)
        if not common.size:
            continue
        into, part = (common.shift([-n for n in start]) for start in (box.start, tile.start))
        drawn = _tile(view, tile)
        for name, array in result.items():
            array[into.slices] = drawn[name][part.slices]
    return result


def _tile(view: View, tile: Box) -> dict[str, NDArray[np.uint8 | np.uint16]]:
    cell, size = view.cell, view.voxel_size_nm
    blur = halo_voxels(cell.look, size)
    halo: Triple = tuple(h + int(np.ceil(REACH_NM / s)) for h, s in zip(blur, size, strict=True))  # type: ignore[assignment]
    indices = [np.arange(a - h, b + h, dtype=np.int64) for a, b, h in zip(tile.start, tile.stop, halo, strict=True)]
    canvas = _blank(view, indices)
    fields = make_fields(cell, canvas)
    paint(cell, canvas, fields)
    raw = microscope(canvas.grey, indices, look=cell.look, seed=cell.spec.seed, voxel_size_nm=size, halo=halo)
    core = tuple(slice(h, n - h) for h, n in zip(halo, canvas.grey.shape, strict=True))
    return {IMAGE: raw, **{name: label[core] for name, label in canvas.labels.items()}}


def _blank(view: View, indices: Sequence[NDArray[np.int64]]) -> CellCanvas:
    z, y, x = (
        origin + (index.astype(np.float64) + 0.5) * size
        for index, size, origin in zip(indices, view.voxel_size_nm, view.origin_nm, strict=True)
    )
    axes: Axes = (z, y, x)
    style = view.cell.spec.style
    wave, ripple, grain = (
        smooth_grid(view.cell.spec.seed, _SALT + number, axes, (spacing,) * 3)
        for number, spacing in enumerate((_WAVE_NM, _RIPPLE_NM, style.grain_nm))
    )
    return CellCanvas(
        axes=axes,
        style=style,
        grey=np.empty(wave.shape, np.float32),
        labels={name: np.zeros(wave.shape, np.uint16) for name in LABELS},
        wave=wave,
        ripple=ripple,
        grain=grain,
        voxel_nm=smoothing_nm(view.voxel_size_nm),
    )
