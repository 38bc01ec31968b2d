"""The distance fields of one tile of a cell, in nm, negative inside: everything is painted from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import numpy as np
from attrs import frozen

from asem_dataset_simulated.cell.canvas import CellCanvas
from asem_dataset_simulated.cell.golgi import Cisterna, Stack
from asem_dataset_simulated.cell.pits import COAT_NM, Pit, with_membrane
from asem_dataset_simulated.cell.pores import Pore, pore_envelope
from asem_dataset_simulated.cell.scene import Cell
from asem_dataset_simulated.cell.surface import smooth_maximum, smooth_minimum
from asem_dataset_simulated.noise import Double, Float, smooth_grid
from asem_dataset_simulated.objects import Blob, Kind, Tube
from asem_dataset_simulated.shapes import Axes, Part, crop, ellipsoid_distance, height, offsets, tube_distance, window

PAD_NM = 70.0
ENVELOPE_NM = 21.0  # half thickness, membranes included; perinuclear space 20-40 nm wide
PORE_WALL_NM = 4.0  # from the middle of the dark membrane to its face
_GAP_NM = 13.0  # least cytosol between the ER and anything else

_Point = TypeVar("_Point", Pore, Pit)
_Thing = TypeVar("_Thing", Blob, Tube, Pit, Stack, Pore)


@frozen(eq=False)
class Placed(Generic[_Thing]):
    """An object with its distance on a part of the tile."""

    thing: _Thing
    part: Part
    distance: Float


@frozen(eq=False)
class Fields:
    """What there is in a tile.

    Attributes
    ----------
    cell, nucleus, er, envelope : float32 (nz, ny, nx)
        Distance to the plasma membrane's outer face with its pits, to the middle of the nuclear envelope, to the outer
        face of the ER with the envelope, and to that of the envelope alone.
    other : float32 (nz, ny, nx)
        To the nearest organelle that is not ER, at most ``PAD_NM``.
    pits, vesicles, mitochondria, large, stacks, pores : lists of Placed
        Lumen of pits and coated vesicles; outer faces of the rest; of a pore the distance from its axis.
    """

    cell: Float
    nucleus: Float
    er: Float
    envelope: Float
    other: Float
    pits: list[Placed[Pit]]
    vesicles: list[Placed[Blob]]
    mitochondria: list[Placed[Tube]]
    large: list[Placed[Blob]]
    stacks: list[Placed[Stack]]
    pores: list[Placed[Pore]]


def make_fields(cell: Cell, canvas: CellCanvas) -> Fields:
    """Compute them for the grid of ``canvas``."""
    axes = canvas.axes
    outline = cell.membrane.on_grid(axes)
    outline = smooth_minimum(outline, cell.protrusions.distance(axes, 160.0), 70.0)
    pits = _pits(cell, axes)
    for pit in pits:
        if not pit.thing.vesicle:
            outline[pit.part] = -with_membrane(pit.distance, -outline[pit.part])
    nucleus = cell.nucleus.on_grid(axes)
    mitochondria = _reached(_tube(canvas, tube) for tube in cell.mitochondria)
    large = _reached(_blob(canvas, blob) for blob in cell.large)
    stacks = _reached(_stack(canvas, stack, cell.spec.seed) for stack in cell.golgi.stacks)
    other = np.full(outline.shape, np.float32(PAD_NM))
    solid: list[Placed[Any]] = [*mitochondria, *large, *stacks]
    for placed in solid:
        np.minimum(other[placed.part], placed.distance, out=other[placed.part])
    for pit in pits:
        np.minimum(other[pit.part], pit.distance - np.float32(8 + COAT_NM), out=other[pit.part])
    envelope, pores = _envelope(cell, canvas, nucleus)
    er = smooth_minimum(_network(cell, canvas, np.minimum(other, -outline)), envelope, 14.0)
    return Fields(
        cell=outline,
        nucleus=nucleus,
        er=er,
        envelope=envelope,
        other=other,
        pits=pits,
        vesicles=_reached(_blob(canvas, blob) for blob in cell.vesicles),
        mitochondria=mitochondria,
        large=large,
        stacks=stacks,
        pores=pores,
    )


def _reached(found: Iterable[Placed[_Thing] | None]) -> list[Placed[_Thing]]:
    """Those that have a part in the tile."""
    return [placed for placed in found if placed is not None]


def _network(cell: Cell, canvas: CellCanvas, others: Float) -> Float:
    """The ER without the envelope: fenestrated, wavering, and kept off everything else."""
    er = cell.er
    distance = er.mesh.distance(canvas.axes, PAD_NM)
    distance += np.float32(canvas.style.ripple_nm) * canvas.ripple
    low, high = (np.array([axis[i] for axis in canvas.axes]) for i in (0, -1))
    near = np.all((er.hole_nm > low - 120) & (er.hole_nm < high + 120), axis=1)
    for centre, radius in zip(er.hole_nm[near], er.hole_radius_nm[near], strict=True):
        part = window(canvas.axes, centre - radius - 30, centre + radius + 30)
        if part is not None:
            z, y, x = offsets(crop(canvas.axes, part), centre)
            hole = np.float32(radius) - np.sqrt(z * z + y * y + x * x)
            distance[part] = smooth_maximum(distance[part], hole, 20.0)
    return smooth_maximum(distance, np.float32(_GAP_NM) - others, 10.0)


def _envelope(cell: Cell, canvas: CellCanvas, nucleus: Float) -> tuple[Float, list[Placed[Pore]]]:
    """The nuclear envelope with its pores."""
    half = np.float32(ENVELOPE_NM * canvas.style.er_swelling)
    envelope = np.abs(nucleus) - half - np.float32(0.8 * canvas.style.ripple_nm) * np.clip(canvas.ripple, -2, 2)
    pores: list[Placed[Pore]] = []
    for pore in _near(canvas.axes, cell.pores, 130.0):
        part = window(canvas.axes, pore.centre_nm - 130, pore.centre_nm + 130)
        if part is None:
            continue
        across = _across(crop(canvas.axes, part), pore.centre_nm, pore.normal)[0]
        radius = pore.diameter_nm / 2 - PORE_WALL_NM
        local = pore_envelope(nucleus[part], across, radius_nm=radius, half_nm=float(half))
        beside = across > radius + half
        envelope[part] = np.where(beside, envelope[part], local)
        pores.append(Placed(pore, part, across))
    return envelope, pores


def _pits(cell: Cell, axes: Axes) -> list[Placed[Pit]]:
    found: list[Placed[Pit]] = []
    for pit in _near(axes, cell.pits, 260.0):
        part = window(axes, pit.centre_nm - pit.reach_nm, pit.centre_nm + pit.reach_nm)
        if part is not None:
            across, along = _across(crop(axes, part), pit.centre_nm, pit.normal)
            found.append(Placed(pit, part, pit.lumen(across, -along)))
    return found


def _near(axes: Axes, things: tuple[_Point, ...], reach: float) -> list[_Point]:
    if not things:
        return []
    centres = np.array([thing.centre_nm for thing in things])
    low, high = (np.array([axis[i] for axis in axes]) for i in (0, -1))
    hit = np.all((centres > low - reach) & (centres < high + reach), axis=1)
    return [things[index] for index in np.flatnonzero(hit)]


def _across(axes: Axes, centre: Double, normal: Double) -> tuple[Float, Float]:
    """Distance from an axis, and height along it, float32 (nz, ny, nx)."""
    z, y, x = offsets(axes, centre)
    along = height(axes, centre, normal)
    across: Float = np.sqrt(np.maximum(z * z + y * y + x * x - along * along, 0))
    return across, along


def _tube(canvas: CellCanvas, tube: Tube) -> Placed[Tube] | None:
    part = window(canvas.axes, tube.low_nm - PAD_NM, tube.high_nm + PAD_NM)
    if part is None:
        return None
    distance = tube_distance(crop(canvas.axes, part), tube.nodes_nm, tube.radius_nm, tube.edges, PAD_NM)
    distance += 7 * np.clip(canvas.wave[part], -2, 2) + 2 * canvas.ripple[part]
    return Placed(tube, part, distance)


def _blob(canvas: CellCanvas, blob: Blob) -> Placed[Blob] | None:
    pad = 20.0 if blob.kind is Kind.VESICLE else 60.0
    part = window(canvas.axes, blob.low_nm - pad, blob.high_nm + pad)
    if part is None:
        return None
    distance = ellipsoid_distance(crop(canvas.axes, part), blob.centre_nm, blob.axes_nm, blob.rotation)
    if blob.kind in (Kind.LYSOSOME, Kind.ENDOSOME):
        distance += 6 * canvas.ripple[part] + 6 * canvas.wave[part]
    return Placed(blob, part, distance)


def _stack(canvas: CellCanvas, stack: Stack, seed: int) -> Placed[Stack] | None:
    """Distance to the nearest cisterna or tubule of the trans-Golgi network."""
    part = window(canvas.axes, stack.centre_nm - stack.reach_nm, stack.centre_nm + stack.reach_nm)
    if part is None:
        return None
    axes = crop(canvas.axes, part)
    broad = [smooth_grid(seed, 700 + i, axes, (260.0,) * 3) for i in range(2)]
    u, v, w = (height(axes, stack.centre_nm, row) for row in stack.frame)
    across = np.sqrt(u * u + v * v)
    w = w - np.float32(stack.bend) * across * across - 16 * broad[0]
    distance = stack.network.distance(axes, PAD_NM)
    distance += np.float32(canvas.style.ripple_nm) * canvas.ripple[part]
    for cisterna in stack.cisternae:
        np.minimum(distance, _cisterna(canvas, part, cisterna, across, w, broad), out=distance)
    return Placed(stack, part, distance)


def _cisterna(canvas: CellCanvas, part: Part, cisterna: Cisterna, across: Float, w: Float, broad: list[Float]) -> Float:
    a, b = np.float32(np.cos(cisterna.angle)), np.float32(np.sin(cisterna.angle))
    radius = np.float32(cisterna.radius_nm) * (1 + np.float32(0.16) * (a * broad[0] + b * broad[1]))
    beyond = np.maximum(across - radius, 0)
    rim = np.exp(-np.maximum(radius - across, 0) / np.float32(45.0))
    half = np.float32(cisterna.half_nm) + 8 * rim + np.float32(0.35 * canvas.style.ripple_nm) * canvas.ripple[part]
    disc = np.sqrt((w - np.float32(cisterna.height_nm)) ** 2 + beyond * beyond) - half
    holes = a * canvas.wave[part] + b * broad[1] + np.float32(0.35) * canvas.ripple[part] - np.float32(1.25)
    return smooth_maximum(disc, holes * np.float32(60.0), 12.0)
