"""What napari asks when something is opened in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from asem_annotate.viewer.layers import LayerData, layers_of
from asem_core.errors import AsemError
from asem_core.registry import make_registry

log = logging.getLogger(__name__)


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[LayerData]] | None:
    """A function that opens ``path``; None where it is nothing that ASEM reads, or several files as one stack."""
    if not isinstance(path, str):
        return None
    registry = make_registry()
    try:
        found = layers_of(path, registry=registry)
    except AsemError as error:
        log.info("%s", error)
        return None
    return lambda _: found
