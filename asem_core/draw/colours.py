"""The colour of each organelle, the same in every picture and viewer: those of Okabe and Ito (2008), which colour-blind
readers tell apart."""

from __future__ import annotations

import zlib

Rgb = tuple[int, int, int]
"""0..255."""

SKY, GREEN, ORANGE, PURPLE, YELLOW, BLUE, RED = (
    (86, 180, 233), (0, 158, 115), (230, 159, 0), (204, 121, 167), (240, 228, 66), (0, 114, 178), (213, 94, 0),
)  # fmt: skip
_KNOWN = {"mito": SKY, "er": GREEN, "golgi": ORANGE, "pore": PURPLE, "ccp": YELLOW, "nucleus": BLUE}
_OTHERS = (BLUE, SKY, GREEN, ORANGE, PURPLE, YELLOW)


def organelle_colour(name: str) -> Rgb:
    """The colour of an organelle: of one that is not known by name always the same one, too.

    >>> organelle_colour("mito"), organelle_colour("lysosome") == organelle_colour("lysosome")
    ((86, 180, 233), True)
    """
    return _KNOWN.get(name, _OTHERS[zlib.crc32(name.encode()) % len(_OTHERS)])


def hex_colour(colour: Rgb) -> str:
    """As pages and viewers write it.

    >>> hex_colour((86, 180, 233))
    '#56b4e9'
    """
    return "#{:02x}{:02x}{:02x}".format(*colour)
