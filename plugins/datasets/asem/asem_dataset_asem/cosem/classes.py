"""Class ids of COSEM ground truth, and which of them make an organelle (table of classes: Heinrich et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping

from asem_core.errors import AsemError

NOT_ANNOTATED = 0

ORGANELLES: Mapping[str, frozenset[int]] = {
    "mito": frozenset({3, 4, 5}),
    "golgi": frozenset({6, 7}),
    "er": frozenset({16, 17}),
    "pore": frozenset({22, 23}),
}
"""Membrane and lumen; for mito also 5, what lies in the lumen: without it mitochondria have holes."""

RELATED: Mapping[str, Mapping[str, frozenset[int]]] = {
    "er": {"ER exit sites": frozenset({18, 19}), "nuclear envelope": frozenset({20, 21})},
}
"""Continuous with the organelle but not part of it in the paper: said when they occur."""


def classes_of(organelle: str) -> frozenset[int]:
    """The class ids that make ``organelle``.

    Raises
    ------
    AsemError
        It is not among those that the class table has.
    """
    if organelle not in ORGANELLES:
        raise AsemError(
            f"no class ids are known for {organelle!r}: give them with --classes; known: {', '.join(ORGANELLES)}"
        )
    return ORGANELLES[organelle]


def parse_classes(text: str) -> frozenset[int]:
    """Read ids and ranges such as ``"16,17"`` or ``"16-21"``.

    Raises
    ------
    AsemError
        Not ids, or 0, which means "not annotated".

    Examples
    --------
    >>> sorted(parse_classes("3,16-18"))
    [3, 16, 17, 18]
    """
    found: set[int] = set()
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    except ValueError:
        found = set()
    if not found or NOT_ANNOTATED in found:
        raise AsemError(f"classes are ids above 0 and ranges, such as 16,17 or 16-21; got {text!r}")
    return frozenset(found)
