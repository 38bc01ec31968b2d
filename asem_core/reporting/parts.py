"""What an analysis puts into its report: numbers, figures, galleries of what was measured, and how it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

Quality = Literal["", "good", "fair", "poor"]


@attrs.frozen(kw_only=True)
class Number:
    """One number of the summary."""

    label: str
    text: str
    """The number as it is printed, with its unit: ``92.4 nm``."""
    note: str = ""
    """Small print below it."""


@attrs.frozen(kw_only=True)
class Figure:
    """A figure, or a table, with its caption."""

    title: str
    caption: str
    """Plain text."""
    html: str
    """What `asem_core.reporting.picture`, ``map_3d`` or ``table`` made; the first two also come as files, other HTML
    does not."""
    wide: bool = False
    """Whether it takes the width of the page, or half of it."""


def _picture(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, np.ndarray) and (value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3):
        raise ValueError(f"{attribute.name} must be uint8 (y, x, 3), got {value.dtype} {value.shape}")


@attrs.frozen(kw_only=True, eq=False)
class Card:
    """One measured object of a gallery."""

    title: str
    lines: tuple[str, ...] = ()
    """Plain text below the title."""
    image: npt.NDArray[np.uint8] | bytes | None = attrs.field(default=None, validator=_picture)
    """RGB ``(y, x, 3)``, or a PNG, JPEG or WebP file. None: there is nothing to see."""
    quality: Quality = ""
    """Colour of its edge; ``""`` for what was not measured."""
    tags: tuple[str, ...] = ()
    """Words that the reader may ask for: status, class, flags."""
    values: Mapping[str, float] = attrs.field(factory=dict)
    """Numbers that the reader may sort by, by name; NaN comes last."""


@attrs.frozen(kw_only=True)
class Gallery:
    """Measured objects side by side; the page filters them by tag and sorts them by value."""

    title: str
    caption: str
    """Plain text: what the lines in the pictures are."""
    cards: tuple[Card, ...]


@attrs.frozen(kw_only=True)
class Report:
    """What a page says between its title and the provenance, which the engine adds."""

    title: str
    summary: tuple[Number, ...]
    findings: str = ""
    """What the numbers say, in sentences: Markdown."""
    figures: tuple[Figure, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    methods: str = ""
    """How it was measured, with citations: Markdown. The engine appends the table of parameters."""
