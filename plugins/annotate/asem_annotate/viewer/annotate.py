"""The widget *Annotate*: labels from a few strokes."""

from __future__ import annotations

from typing import Any

from asem_annotate.viewer.desk import Desk


class Annotate(Desk):
    """Seeds of background and organelles in a part of a volume, and the cut that they make."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, verb="Cut", seeds="seeds", output="cut", corrects=False)
