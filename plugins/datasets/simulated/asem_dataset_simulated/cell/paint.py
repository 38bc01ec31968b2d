"""From distance fields to grey values and labels, from the back to the front."""

from __future__ import annotations

import numpy as np

from asem_dataset_simulated.cell.canvas import CellCanvas
from asem_dataset_simulated.cell.fields import ENVELOPE_NM, Fields, Placed
from asem_dataset_simulated.cell.golgi import Stack
from asem_dataset_simulated.cell.pits import BILAYER_NM, COAT_NM, Pit
from asem_dataset_simulated.cell.pores import Pore
from asem_dataset_simulated.cell.ribosomes import ribosomes
from asem_dataset_simulated.cell.scene import Cell
from asem_dataset_simulated.cristae import cristae
from asem_dataset_simulated.noise import Float, smooth_grid
from asem_dataset_simulated.objects import Blob, Kind, Tube
from asem_dataset_simulated.shapes import WHOLE, crop, ellipsoid_distance, inside, layer, tube_distance, window

# Outer membrane, intermembrane gap and inner membrane of a mitochondrion, from the surface inwards.
_OUTER_NM, _GAP_NM, _INNER_NM = 7.0, 10.0, 7.0
_FRINGE_NM = np.float32(15.0)


def paint(cell: Cell, canvas: CellCanvas, fields: Fields) -> None:
    """Paint everything on ``canvas``."""
    broad = smooth_grid(cell.spec.seed, 210, canvas.axes, (230.0,) * 3)
    _cytosol(cell, canvas, fields, broad)
    _nucleoplasm(cell, canvas, fields, broad)
    for tube in cell.microtubules:
        _microtubule(canvas, tube)
    for vesicle in fields.vesicles:
        _vesicle(canvas, fields, vesicle)
    for stack in fields.stacks:
        _stack(canvas, stack)
    _reticulum(canvas, fields)
    for pore in fields.pores:
        _pore(canvas, fields, pore)
    for organelle in fields.large:
        _large(canvas, organelle)
    for mitochondrion in fields.mitochondria:
        _mitochondrion(canvas, mitochondrion)
    for pit in fields.pits:
        _pit(canvas, fields, pit)
    _outside(canvas, fields, broad)


def _cytosol(cell: Cell, canvas: CellCanvas, fields: Fields, broad: Float) -> None:
    style = canvas.style
    grain, ripple, wave = style.texture
    texture = style.granularity * (grain * canvas.grain + ripple * canvas.ripple + wave * canvas.wave)
    filaments = np.exp(-np.square(canvas.ripple * 3)) * np.clip(canvas.wave, 0, 2)
    canvas.grey[...] = style.cytosol + 3 * broad + texture - style.filament * filaments
    canvas.grey[...] -= style.ribosome * np.minimum(
        ribosomes(cell.spec.seed, canvas.axes, fields, canvas.wave, how=style.ribosomes), np.float32(1.2)
    )
    if style.fringe:
        away = np.maximum(np.minimum.reduce([fields.er, fields.other, -fields.cell]), 0)
        uneven = np.clip(1 + 0.4 * canvas.wave, 0, 2)
        canvas.blend(WHOLE, style.fringe * uneven * np.exp(-np.square(away / _FRINGE_NM)), style.membrane)


def _nucleoplasm(cell: Cell, canvas: CellCanvas, fields: Fields, broad: Float) -> None:
    """Euchromatin, clumps of heterochromatin that also line the envelope but not its pores, nucleoli."""
    if fields.nucleus.min() > 0:
        return
    style = canvas.style
    depth = -fields.nucleus - np.float32(ENVELOPE_NM)
    rim = np.exp(-np.maximum(depth, 0) / 70.0)
    for placed in fields.pores:
        shade = np.exp(-np.square(placed.distance / 70.0))
        rim[placed.part] *= 1 - 0.95 * shade
    clumps = broad + np.float32(0.55) * canvas.wave + np.float32(0.3) * canvas.ripple + np.float32(1.5) * rim
    share = 1 / (1 + np.exp(-4.0 * (clumps - 1.25)))
    grain, ripple = style.nuclear_texture
    grey = style.nucleoplasm + style.granularity * (grain * canvas.grain + ripple * canvas.ripple) + 4 * broad
    grey += share * (style.chromatin - style.nucleoplasm)
    for nucleolus in cell.nucleoli:
        part = window(canvas.axes, nucleolus.low_nm - 150, nucleolus.high_nm + 150)
        if part is not None:
            distance = ellipsoid_distance(
                crop(canvas.axes, part), nucleolus.centre_nm, nucleolus.axes_nm, nucleolus.rotation
            )
            dense = 1 / (1 + np.exp((distance + 60 * broad[part] + 25 * canvas.wave[part]) / 12.0))
            fine = style.nucleolus + 1.1 * style.granularity * canvas.grain[part]
            grey[part] += dense * (fine - grey[part])
    canvas.blend(WHOLE, inside(fields.nucleus, canvas.voxel_nm), grey.astype(np.float32))
    canvas.mark("nucleus", WHOLE, fields.nucleus < 0)


def _microtubule(canvas: CellCanvas, tube: Tube) -> None:
    part = window(canvas.axes, tube.low_nm - 20, tube.high_nm + 20)
    if part is not None:
        distance = tube_distance(crop(canvas.axes, part), tube.nodes_nm, tube.radius_nm, tube.edges, 20.0)
        canvas.blend(
            part, canvas.style.microtubule * layer(distance, -8.0, 1.0, canvas.voxel_nm), canvas.style.membrane
        )


def _vesicle(canvas: CellCanvas, fields: Fields, placed: Placed[Blob]) -> None:
    """An uncoated vesicle, where no larger organelle is."""
    free = fields.other[placed.part] > 0
    distance = np.where(free, placed.distance, np.float32(30))
    canvas.membrane(placed.part, distance, canvas.style.cytosol + 8, wall_nm=7.0)


def _stack(canvas: CellCanvas, placed: Placed[Stack]) -> None:
    lumen = canvas.style.golgi_lumen + 4 * canvas.ripple[placed.part]
    canvas.membrane(placed.part, placed.distance, lumen, wall_nm=7.0)
    # Matrix proteins between the cisternae hold ribosomes off and take some stain.
    canvas.blend(placed.part, 0.14 * layer(placed.distance, 0.0, 14.0, canvas.voxel_nm), canvas.style.membrane)
    canvas.mark("golgi", placed.part, placed.distance < 0, placed.thing.label)


def _reticulum(canvas: CellCanvas, fields: Fields) -> None:
    if fields.er.min() > 20:
        return
    lumen = canvas.style.er_lumen + 4 * canvas.ripple + 4 * canvas.grain
    canvas.membrane(WHOLE, fields.er, lumen, wall_nm=7.5)
    canvas.mark("er", WHOLE, fields.er < 0)
    canvas.mark("envelope", WHOLE, fields.envelope < 0)


def _pore(canvas: CellCanvas, fields: Fields, placed: Placed[Pore]) -> None:
    """The pore complex: two rings, a plug, and filaments on either side; its label is the channel."""
    part, across = placed.part, placed.distance
    height = fields.nucleus[part]
    radius = placed.thing.diameter_nm / 2
    half = ENVELOPE_NM * canvas.style.er_swelling
    channel = np.maximum(across - np.float32(radius), np.abs(height) - np.float32(half + 4))
    spokes = 0.32 + 0.12 * canvas.grain[part]
    canvas.blend(
        part, spokes * inside(channel + 6, canvas.voxel_nm) * (fields.envelope[part] > 0), canvas.style.membrane
    )
    ring = np.sqrt((across - np.float32(radius)) ** 2 + (np.abs(height) - np.float32(half)) ** 2) - 11
    canvas.blend(part, 0.4 * inside(ring, canvas.voxel_nm), canvas.style.membrane)
    basket = np.maximum(across - np.float32(0.8 * radius), np.abs(np.abs(height) - np.float32(half + 30)) - 26)
    canvas.blend(part, 0.16 * inside(basket, canvas.voxel_nm), canvas.style.membrane)
    canvas.mark("pore", part, channel < 0, placed.thing.label)
    canvas.labels["er"][part][(channel < 0) & (fields.envelope[part] > 0)] = 0


def _large(canvas: CellCanvas, placed: Placed[Blob]) -> None:
    """A lysosome, endosome, multivesicular body or lipid droplet."""
    part, distance, kind = placed.part, placed.distance, placed.thing.kind
    grey, ripple, grain = placed.thing.grey, canvas.ripple[part], canvas.grain[part]
    canvas.clear(part, distance < 0)
    if kind is Kind.LIPID:
        canvas.blend(part, inside(distance, canvas.voxel_nm), grey + 1.5 * grain)
        canvas.blend(part, 0.6 * layer(distance, -4.0, 1.0, canvas.voxel_nm), canvas.style.membrane)
        canvas.mark("lipid", part, distance < 0, placed.thing.label)
    elif kind is Kind.LYSOSOME:
        spotted = grey + 9 * ripple + 7 * grain - 24 * np.clip(canvas.wave[part], 0, 1.5)
        canvas.membrane(part, distance, np.maximum(spotted, 30), wall_nm=8.5)
        canvas.mark("lysosome", part, distance < 0, placed.thing.label)
    elif kind is Kind.MULTIVESICULAR:
        # Luminal vesicles 40-60 nm wide: closed level sets of the smooth noise.
        lumen = grey - 80 * np.exp(-np.square((ripple - 1.25) * 5))
        canvas.membrane(part, distance, lumen, wall_nm=8.0)
    else:
        canvas.membrane(part, distance, grey + 6 * ripple + 4 * grain, wall_nm=8.0)


def _mitochondrion(canvas: CellCanvas, placed: Placed[Tube]) -> None:
    """Outer and inner membrane, matrix and cristae."""
    tube, part, surface, voxel = placed.thing, placed.part, placed.distance, canvas.voxel_nm
    membrane = canvas.style.membrane
    canvas.clear(part, surface < 0)
    canvas.mark("mito", part, surface < 0, tube.label)
    canvas.blend(part, inside(surface, voxel), tube.grey + 6 * canvas.ripple[part] + 8 * canvas.grain[part])
    canvas.blend(part, cristae(canvas, part, tube, surface), tube.grey - tube.crista_grey)
    inner = -_OUTER_NM - _GAP_NM
    canvas.blend(part, layer(surface, inner - _INNER_NM, inner, voxel), membrane + 12)
    canvas.blend(part, layer(surface, inner, -_OUTER_NM, voxel), 0.5 * (membrane + tube.grey))
    canvas.blend(part, layer(surface, -_OUTER_NM, 0.0, voxel), membrane)


def _pit(canvas: CellCanvas, fields: Fields, placed: Placed[Pit]) -> None:
    """Coat and truth of a pit; the membrane and lumen of a vesicle."""
    pit, part, lumen = placed.thing, placed.part, placed.distance
    voxel, style = canvas.voxel_nm, canvas.style
    within = fields.cell[part] < -4 if not pit.vesicle else np.ones(lumen.shape, bool)
    if pit.vesicle:
        canvas.clear(part, lumen < BILAYER_NM + COAT_NM)
        canvas.blend(part, inside(lumen, voxel), 0.5 * (style.cytosol + style.er_lumen))
        canvas.blend(part, layer(lumen, 0.0, BILAYER_NM, voxel), style.membrane)
    if pit.coated:
        # Triskelia make the coat spiky: patches some 20-25 nm wide.
        spikes = np.clip(0.85 + 0.3 * canvas.grain[part], 0.2, 1.2)
        coat = layer(lumen, BILAYER_NM - 2, BILAYER_NM + COAT_NM, voxel) * within * spikes
        canvas.blend(part, np.minimum(style.coat * coat, 1), style.membrane - 8)
        body = lumen < BILAYER_NM + COAT_NM
        if not pit.vesicle:
            plane = fields.cell[part] < 0
            opening = lumen < 0
            body &= plane | opening
        canvas.mark("ccp", part, body, pit.label)
    else:
        canvas.mark("caveola", part, (lumen < BILAYER_NM) & ((fields.cell[part] < 0) | (lumen < 0)))


def _outside(canvas: CellCanvas, fields: Fields, broad: Float) -> None:
    """Plasma membrane, and resin beyond it: smooth, bright, without texture."""
    canvas.mark("cell", WHOLE, fields.cell < 0)
    if fields.cell.max() < -20:
        return
    outside = fields.cell >= 0
    for name, label in canvas.labels.items():
        if name not in ("ccp", "caveola", "cell"):
            label[outside] = 0
    resin = canvas.style.resin + 1.5 * broad + 1.5 * canvas.grain
    canvas.blend(WHOLE, inside(-fields.cell, canvas.voxel_nm), resin)
    canvas.blend(WHOLE, layer(fields.cell, -BILAYER_NM, 0.0, canvas.voxel_nm), canvas.style.membrane)
