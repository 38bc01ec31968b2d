"""Fields that take what they ask for from the layers that are open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from magicgui.widgets import LineEdit


def suggest_image(viewer: Any, field: LineEdit) -> None:
    """Take the first grey image, now and of those that come, unless something is written already."""
    _suggest(viewer, field, lambda layer: _kind(layer) == "Image" and not is_probability(layer))


def suggest_labels(viewer: Any, field: LineEdit) -> None:
    """Take the first label image that ASEM opened."""
    _suggest(viewer, field, lambda layer: _kind(layer) == "Labels")


def suggest_probability(viewer: Any, field: LineEdit) -> None:
    """Take the first probability map."""
    _suggest(viewer, field, is_probability)


def is_probability(layer: Any) -> bool:
    """Whether `asem_annotate.viewer.layers.probability_layer` made it."""
    return bool(layer.name.endswith("probability"))


def _suggest(viewer: Any, field: LineEdit, fits: Callable[[Any], bool]) -> None:
    def look(_: object = None) -> None:
        found = (layer.metadata.get("asem", "") for layer in viewer.layers if fits(layer))
        field.value = field.value or next((uri for uri in found if uri), "")

    viewer.layers.events.inserted.connect(look)
    look()


def _kind(layer: Any) -> str:
    return type(layer).__name__
