"""How each kind of object is painted on a canvas."""

from __future__ import annotations

import numpy as np

from asem_dataset_simulated.cristae import cristae
from asem_dataset_simulated.noise import Float
from asem_dataset_simulated.objects import Blob, Kind, Tube
from asem_dataset_simulated.shapes import Part, crop, ellipsoid_distance, inside, layer, tube_distance, window
from asem_dataset_simulated.tissue.canvas import MEMBRANE_GREY, MITO_RIM_GREY, TissueCanvas
from asem_dataset_simulated.tissue.scene import Density

_PAD_NM = 40.0
# Typical widths of outer membrane, intermembrane gap and inner membrane in nm, from the surface inwards.
_OUTER_NM, _GAP_NM, _INNER_NM = 7.0, 10.0, 7.0


def paint_tube(canvas: TissueCanvas, tube: Tube) -> None:
    """Paint a mitochondrion or an ER tubule, and its ground truth, or a microtubule."""
    part = window(canvas.axes, tube.low_nm - _PAD_NM, tube.high_nm + _PAD_NM)
    if part is None:
        return
    distance = tube_distance(crop(canvas.axes, part), tube.nodes_nm, tube.radius_nm, tube.edges, _PAD_NM)
    if tube.kind is Kind.MITOCHONDRION:
        _paint_mitochondrion(canvas, part, tube, distance)
    elif tube.kind is Kind.ER_TUBULE:
        _er(canvas, part, distance, tube.grey, 8.0)
    else:
        canvas.blend(part, 0.55 * inside(distance, canvas.voxel_nm), MEMBRANE_GREY + 30)


def _er(canvas: TissueCanvas, part: Part, distance: Float, grey: float, wall_nm: float) -> None:
    surface = distance + 5 * canvas.ripple[part]
    canvas.er[part][surface < 0] = 1
    _walled(canvas, part, surface, grey, wall_nm)


def _walled(canvas: TissueCanvas, part: Part, distance: Float, grey: Float | float, wall_nm: float) -> None:
    canvas.walled(part, distance, grey, wall_nm=wall_nm, wall_grey=MEMBRANE_GREY)


def _paint_mitochondrion(canvas: TissueCanvas, part: Part, tube: Tube, distance: Float) -> None:
    """Outer and inner membrane, matrix and cristae; never nearer than 18 nm to the middle of a cleft."""
    voxel = canvas.voxel_nm
    surface: Float = distance + 7 * np.clip(canvas.wave[part], -2, 2) + 2 * canvas.ripple[part]
    same = canvas.cell[part] == tube.cell
    bounds = np.where(same, 18 - canvas.clearance[part], np.float32(_PAD_NM)).astype(np.float32)
    surface = np.maximum(surface, bounds).astype(np.float32)
    canvas.mito[part][surface < 0] = tube.label
    canvas.er[part][surface < 0] = 0
    matrix = tube.grey + 5 * canvas.ripple[part] + 7 * canvas.grain[part]
    canvas.blend(part, inside(surface, voxel), matrix)
    canvas.blend(part, cristae(canvas, part, tube, surface), tube.grey - tube.crista_grey)
    inner = -_OUTER_NM - _GAP_NM
    canvas.blend(part, layer(surface, inner - _INNER_NM, inner, voxel), MITO_RIM_GREY + 12)
    canvas.blend(part, layer(surface, inner, -_OUTER_NM, voxel), MITO_RIM_GREY + 40)
    canvas.blend(part, layer(surface, -_OUTER_NM, 0.0, voxel), MITO_RIM_GREY)


def paint_blob(canvas: TissueCanvas, blob: Blob) -> None:
    """Paint a vesicle, endosome, lysosome, multivesicular body, lipid droplet or sheet of ER."""
    part = window(canvas.axes, blob.low_nm - 15, blob.high_nm + 15)
    if part is None:
        return
    distance = ellipsoid_distance(crop(canvas.axes, part), blob.centre_nm, blob.axes_nm, blob.rotation)
    grain, ripple = canvas.grain[part], canvas.ripple[part]
    if blob.kind is Kind.LYSOSOME:
        spotted = blob.grey + 9 * ripple + 6 * grain - 22 * np.clip(canvas.wave[part], 0, 1.5)
        _walled(canvas, part, distance + 6 * ripple, np.maximum(spotted, 35), 9.0)
    elif blob.kind is Kind.MULTIVESICULAR:
        # Luminal vesicles 40-60 nm wide: closed level sets of the smooth noise.
        lumen = blob.grey - 75 * np.exp(-np.square((ripple - 0.75) * 4))
        _walled(canvas, part, distance, lumen, 8.0)
    elif blob.kind is Kind.LIPID:
        canvas.blend(part, inside(distance, canvas.voxel_nm), blob.grey + 1.5 * grain)
    elif blob.kind is Kind.DENSE_VESICLE:
        canvas.blend(part, inside(distance, canvas.voxel_nm), blob.grey)
        canvas.blend(part, layer(distance, -6.0, 0.0, canvas.voxel_nm), MEMBRANE_GREY + 20)
    elif blob.kind is Kind.ENDOSOME:
        _walled(canvas, part, distance + 7 * ripple, blob.grey + 6 * ripple + 4 * grain, 8.0)
    elif blob.kind is Kind.ER_SHEET:
        _er(canvas, part, distance, blob.grey, 7.5)
    else:
        _walled(canvas, part, distance, blob.grey, 7.5)


def paint_density(canvas: TissueCanvas, density: Density) -> None:
    """Darken a patch under the membrane of one cell, and the cleft beside it a little."""
    reach = density.radius_nm * 1.3
    part = window(canvas.axes, density.centre_nm - reach, density.centre_nm + reach)
    if part is None:
        return
    axes = crop(canvas.axes, part)
    away = ellipsoid_distance(axes, density.centre_nm, np.full(3, density.radius_nm), np.eye(3))
    clearance = canvas.clearance[part]
    post = canvas.cell[part] == density.cell
    depth = np.where(post, np.float32(density.depth_nm), np.float32(8)) + 6 * canvas.ripple[part]
    share = np.exp(-np.square(np.maximum(clearance - 8, 0) / np.maximum(depth, 6))) * inside(
        away + 10 * canvas.wave[part], 50.0
    )
    canvas.blend(part, density.strength * share, MEMBRANE_GREY)
