"""Everything that is not a single object: cytosol, plasma membranes, cleft and myelin-like stacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asem_dataset_simulated.noise import Float, smooth_grid
from asem_dataset_simulated.shapes import WHOLE, Axes, layer, smoothing_nm
from asem_dataset_simulated.tissue.canvas import MEMBRANE_GREY, TissueCanvas
from asem_dataset_simulated.tissue.scene import Scene

# Half the cleft: typically 20 nm wide in life, narrower after chemical fixation.
_CLEFT_NM = 6.0
_BILAYER_NM = 8.0
_LAMELLA_PERIOD_NM = 22.0


def base_tissue(scene: Scene, axes: Axes) -> TissueCanvas:
    """A canvas with the cells drawn on it."""
    wave, ripple, grain, fine = (
        smooth_grid(scene.seed, 200 + i, axes, (spacing,) * 3) for i, spacing in enumerate((120.0, 46.0, 17.0, 24.0))
    )
    cell, clearance = scene.cells.on_grid(axes)
    voxel_nm = smoothing_nm(scene.voxel_size_nm)
    canvas = TissueCanvas(
        axes=axes,
        grey=_cytosol(scene, cell, wave, ripple, grain, fine),
        mito=np.zeros(cell.shape, np.uint32),
        er=np.zeros(cell.shape, np.uint8),
        cell=cell,
        clearance=clearance,
        wave=wave,
        ripple=ripple,
        grain=grain,
        voxel_nm=voxel_nm,
    )
    # Stain gathers under the membrane in places: a soft dark fringe of uneven width.
    fringe: Float = np.exp(-np.square(np.maximum(clearance - 14, 0) / (11 + 5 * np.clip(wave, -1.5, 1.5))))
    canvas.blend(WHOLE, np.float32(0.34) * fringe, MEMBRANE_GREY)
    canvas.blend(WHOLE, layer(clearance, -99.0, _CLEFT_NM, voxel_nm), np.float32(88) + 14 * wave)
    canvas.blend(WHOLE, layer(clearance, _CLEFT_NM, _CLEFT_NM + _BILAYER_NM, voxel_nm), MEMBRANE_GREY)
    _lamellae(scene, canvas)
    return canvas


def _cytosol(scene: Scene, cell: NDArray[np.int32], wave: Float, ripple: Float, grain: Float, fine: Float) -> Float:
    """Grey value of the cytosol: the cell's own, patches, filaments and dark granules of about 25 nm (ribosomes)."""
    granules = scene.cells.granules[cell]
    dark = np.clip(fine + 0.6 * ripple - 0.1, 0, 2.2) * granules * np.clip(1 + 0.5 * wave, 0.2, 2)
    filaments = np.exp(-np.square(ripple * 3)) * np.clip(wave, 0, 2)
    grey: Float = scene.cells.grey[cell] + 5.0 * wave + 6.0 * ripple + 14.0 * grain - 26.0 * dark - 16.0 * filaments
    return np.maximum(grey, 50.0)


def _lamellae(scene: Scene, canvas: TissueCanvas) -> None:
    """Stacks of dark lamellae inside the membrane of the few cells that have them."""
    depth = scene.cells.lamella_nm[canvas.cell]
    if not depth.any():
        return
    phase = np.abs(np.mod(canvas.clearance, np.float32(_LAMELLA_PERIOD_NM)) - np.float32(_LAMELLA_PERIOD_NM / 2))
    share = layer(phase, -99.0, 5.0, canvas.voxel_nm) * (canvas.clearance < depth)
    view = canvas.grey
    view += share * (np.float32(MEMBRANE_GREY + 10) - view)
