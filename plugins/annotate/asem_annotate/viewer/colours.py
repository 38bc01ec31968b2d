"""What is drawn in which colour: those of Okabe and Ito (2008), which colour-blind readers tell apart."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from asem_annotate.labelling import BACKGROUND, FIRST, NOTHING

Rgba = tuple[float, float, float, float]

_SKY, _GREEN, _ORANGE, _PURPLE, _YELLOW, _BLUE, _RED = (
    tuple(level / 255 for level in colour)
    for colour in (
        (86, 180, 233),
        (0, 158, 115),
        (230, 159, 0),
        (204, 121, 167),
        (240, 228, 66),
        (0, 114, 178),
        (213, 94, 0),
    )
)
_OF_ORGANELLES = {"mito": _SKY, "er": _GREEN, "golgi": _ORANGE, "pore": _PURPLE, "ccp": _YELLOW}
_OF_OTHERS = (_BLUE, _SKY, _GREEN, _ORANGE, _PURPLE, _YELLOW)

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
    others = _OF_OTHERS[zlib.crc32(organelle.encode()) % len(_OF_OTHERS)]
    red, green, blue = _OF_ORGANELLES.get(organelle, others)
    return (red, green, blue, 1.0)


def hex_of(colour: Rgba) -> str:
    """As napari names a ramp from black.

    >>> hex_of(colour_of("mito"))
    '#56b4e9'
    """
    return "#" + "".join(f"{round(level * 255):02x}" for level in colour[:3])


def seed_colours(organelles: Sequence[str]) -> dict[int | None, Rgba]:
    """Of the values of seeds: background red, the organelles as `colour_of`; further ones are not seen."""
    red, green, blue = _RED
    found: dict[int | None, Rgba] = {None: CLEAR, NOTHING: CLEAR, BACKGROUND: (red, green, blue, 1.0)}
    return found | {value: colour_of(name) for value, name in enumerate(organelles, start=FIRST)}


def label_colours(organelle: str) -> dict[int | None, Rgba]:
    """Of a label image of one organelle, whatever its value."""
    return {None: colour_of(organelle), NOTHING: CLEAR}
