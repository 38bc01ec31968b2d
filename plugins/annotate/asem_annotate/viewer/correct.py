"""The widget *Correct*: a prediction, and strokes where it is wrong."""

from __future__ import annotations

from typing import Any

from asem_annotate.viewer.desk import Desk


class Correct(Desk):
    """Strokes on a prediction; what they do not change stays as it was predicted."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, verb="Correct", seeds="strokes", output="corrected", corrects=True)
