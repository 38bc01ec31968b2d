"""The widget *Measure*: a table of objects, each a click away."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, LineEdit, Table

from asem_annotate.seed_file import usual_path
from asem_annotate.viewer.command import Command, given
from asem_annotate.viewer.suggest import suggest_labels
from asem_annotate.viewer.view import look_at

SHOWN = ("volume_nm3", "surface_nm2", "sphericity", "axis1_nm", "skeleton_length_nm")
"""Columns of the table; the file has all."""
_AROUND = 3.0
"""How many times its longest axis is seen round an object."""


class Measure(Command):
    """`asem analyze objects`; a row that is chosen is shown."""

    def __init__(self, napari_viewer: Any) -> None:
        self._viewer = napari_viewer
        self.objects = LineEdit(label="Objects", tooltip="Labels or probabilities; by default those of a layer.")
        self.output = LineEdit(label="Output", tooltip="Folder to make. Empty: OBJECTS_objects in this folder.")
        self.overwrite = CheckBox(text="replace", value=False)
        self.table = Table(value=None)
        self.rows: list[Mapping[str, Any]] = []
        """Of the table, as `asem analyze objects --json` prints them."""
        super().__init__(self.objects, self.output, self.overwrite, verb="Measure", lines=3)
        self.append(self.table)
        self.table.native.itemSelectionChanged.connect(self._chosen)
        suggest_labels(napari_viewer, self.objects)

    def words(self) -> Sequence[str]:
        """`asem analyze objects ...`."""
        objects = given(self.objects, "which")
        self.output.value = self.output.value.strip() or str(usual_path(objects, "objects").with_suffix(""))
        again = ["--overwrite"] if self.overwrite.value else []
        return ["analyze", "objects", objects, "-o", self.output.value, "--json", *again]

    def done(self) -> None:
        """Fill the table."""
        self.rows = json.loads(self.printed)["table"]
        columns = [name for name in SHOWN if self.rows and name in self.rows[0]]
        self.table.value = {
            "data": [[_rounded(each[name]) for name in columns] for each in self.rows],
            "columns": columns,
            "index": [each["object"] for each in self.rows],
        }
        self.said.value = f"{len(self.rows)} objects; all columns: {Path(self.output.value).name}/objects.csv"

    def _chosen(self) -> None:
        chosen = {index.row() for index in self.table.native.selectedIndexes()}
        if chosen:
            self.show_object(self.rows[min(chosen)])

    def show_object(self, found: Mapping[str, Any]) -> None:
        """Show where an object is, and choose its label."""
        width = _AROUND * (found.get("axis1_nm") or 0)
        look_at(self._viewer, (found["z_nm"], found["y_nm"], found["x_nm"]), width_nm=width or None)
        for layer in self._viewer.layers:
            if layer.metadata.get("asem") == self.objects.value:
                layer.selected_label = int(found["object"])
                self._viewer.layers.selection.active = layer


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
