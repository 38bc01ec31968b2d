"""What is drawn in which colour in napari: organelles as everywhere in ASEM, see `asem_core.draw.organelle_colour`."""

from __future__ import annotations

from collections.abc import Sequence

from asem_annotate.labelling import BACKGROUND, FIRST, NOTHING
from asem_core.draw import RED, Rgb, organelle_colour

Rgba = tuple[float, float, float, float]

CLEAR: Rgba = (0.0, 0.0, 0.0, 0.0)
SUPERVOXELS: Rgba = (1.0, 1.0, 1.0, 1.0)
ERRORS: dict[int | None, Rgba] = {
    None: CLEAR,
    0: CLEAR,
    1: (86 / 255, 180 / 255, 233 / 255, 1.0),
    2: (230 / 255, 159 / 255, 0.0, 1.0),
    3: (213 / 255, 40 / 255, 120 / 255, 1.0),
}
"""Of voxels that were found, invented and missed: those of the pictures of `asem evaluate`."""


def colour_of(organelle: str) -> Rgba:
    """The colour of an organelle: always the same.

    >>> colour_of("mito") == colour_of("er")
    False
    """
    return _opaque(organelle_colour(organelle))


def hex_of(colour: Rgba) -> str:
    """As napari names a ramp from black.

    >>> hex_of(colour_of("mito"))
    '#56b4e9'
    """
    return "#" + "".join(f"{round(level * 255):02x}" for level in colour[:3])


def seed_colours(organelles: Sequence[str]) -> dict[int | None, Rgba]:
    """Of the values of seeds: background red, the organelles as `colour_of`; further ones are not seen."""
    found: dict[int | None, Rgba] = {None: CLEAR, NOTHING: CLEAR, BACKGROUND: _opaque(RED)}
    return found | {value: colour_of(name) for value, name in enumerate(organelles, start=FIRST)}


def label_colours(organelle: str) -> dict[int | None, Rgba]:
    """Of a label image of one organelle, whatever its value."""
    return {None: colour_of(organelle), NOTHING: CLEAR}


def _opaque(colour: Rgb) -> Rgba:
    red, green, blue = colour
    return (red / 255, green / 255, blue / 255, 1.0)
