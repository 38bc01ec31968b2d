"""Cristae: the folds of a mitochondrion's inner membrane."""

from __future__ import annotations

import numpy as np

from asem_dataset_simulated.canvas import Canvas
from asem_dataset_simulated.noise import Float
from asem_dataset_simulated.objects import Tube
from asem_dataset_simulated.shapes import Part, crop, inside, layer


def cristae(canvas: Canvas, part: Part, tube: Tube, surface: Float) -> Float:
    """Share of crista membrane: wavy sheets that start at the inner membrane and end where a noise says so."""
    axes = crop(canvas.axes, part)
    normal = tube.crista_axis.astype(np.float32)
    z, y, x = (axis.astype(np.float32) * n for axis, n in zip(axes, normal, strict=True))
    along = z[:, None, None] + y[None, :, None] + x[None, None, :]
    along = along + 28 * canvas.wave[part] + 13 * canvas.ripple[part]
    spacing = np.float32(tube.crista_spacing_nm)
    across = np.abs(np.mod(along, spacing) - spacing / 2)
    # Two membranes of 7 nm round a lumen of 6 nm; sheets come and go, less so near the inner membrane.
    sheet = layer(across, 3.0, 10.0, canvas.voxel_nm) + 0.6 * layer(across, -3.0, 3.0, canvas.voxel_nm)
    near_rim = 28 / (35 + np.maximum(-surface, 0))
    kept = np.clip(0.55 + 0.5 * canvas.wave[part] + 0.6 * canvas.ripple[part] + near_rim, 0, 1)
    result: Float = (sheet * kept * inside(surface + np.float32(22), canvas.voxel_nm)).astype(np.float32)
    return result
