"""What is done with seeds: the lower half of *Annotate* and *Correct*; and how rows of widgets are laid out."""

from __future__ import annotations

from typing import Any

import attrs
from magicgui.widgets import CheckBox, Container, FloatSpinBox, LineEdit, PushButton, TextEdit
from qtpy.QtWidgets import QLabel

from asem_annotate.settings import Settings

_LABEL = 92
"""Pixels of the widest label: napari's letters are wider than magicgui takes them for."""


class Tools(Container):
    """Buttons and settings of a session."""

    def __init__(self, *, verb: str) -> None:
        self.solve = PushButton(text=verb, tooltip="Key C")
        self.live = CheckBox(text="after every stroke", value=False)
        self.supervoxels = PushButton(text="Supervoxels", tooltip="Their outlines, on and off; key D")
        self.between = PushButton(text="Fill between", tooltip="Sections between those that were drawn in full.")
        self.undo, self.redo = PushButton(text="Undo"), PushButton(text="Redo")
        self.edge = FloatSpinBox(label="Edge", min=1, max=30, step=0.5, tooltip="Of a supervoxel, in voxels.")
        self.smoothness = FloatSpinBox(label="Smoothness", min=0, max=1000, step=1, tooltip="What a boundary costs.")
        self.output = LineEdit(label="Output", tooltip="OME-Zarr of the image and the labels.")
        self.save = PushButton(text="Save labels")
        self.overwrite = CheckBox(text="replace", value=False)
        super().__init__(
            widgets=[
                row(self.solve, self.live),
                row(self.supervoxels, self.between),
                row(self.undo, self.redo),
                self.edge,
                self.smoothness,
                self.output,
                row(self.save, self.overwrite),
            ]
        )
        self.margins = (0, 0, 0, 0)
        line_up(self)
        self.enabled = False

    def fill(self, settings: Settings) -> None:
        """Say what ``settings`` are."""
        self.edge.value, self.smoothness.value = settings.edge, settings.smoothness

    def of(self, settings: Settings) -> Settings:
        """``settings`` with what it says."""
        return attrs.evolve(settings, edge=self.edge.value, smoothness=self.smoothness.value)


def row(*widgets: Any) -> Container:
    """Widgets beside one another."""
    found = Container(widgets=list(widgets), layout="horizontal", labels=False)
    found.margins = (0, 0, 0, 0)
    return found


def fields_of(*fields: Any) -> Container:
    """Labelled fields below one another, to stand among other widgets."""
    found = Container(widgets=list(fields))
    found.margins = (0, 0, 0, 0)
    line_up(found)
    return found


def reading(*, lines: int | None = None) -> TextEdit:
    """Room for text, all that there is or for so many lines: it is folded, paths too, and can be copied."""
    found = TextEdit()
    found.read_only = True
    if lines is not None:
        found.max_height = (lines + 2) * found.native.fontMetrics().lineSpacing()
    return found


def line_up(fields: Container) -> None:
    """Let labelled fields begin below one another."""
    for label in fields.native.findChildren(QLabel):
        label.setMinimumWidth(_LABEL)
