"""The widget *Segment*: a model over a volume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from magicgui.widgets import LineEdit

from asem_annotate.seed_file import usual_path
from asem_annotate.viewer.command import Command, given, option
from asem_annotate.viewer.layers import layers_of
from asem_annotate.viewer.suggest import suggest_image
from asem_core.organelles import name_of
from asem_core.registry import make_registry


class Segment(Command):
    """`asem segment` of the whole volume or a part; the result is opened."""

    def __init__(self, napari_viewer: Any) -> None:
        self._viewer = napari_viewer
        self.volume = LineEdit(label="Volume", tooltip="Path or URL of the image; by default that of a layer.")
        self.organelle = LineEdit(label="Organelle", value="mito")
        self.model = LineEdit(label="Model", tooltip="Id or package. Empty: the organelle's default.")
        self.roi = LineEdit(label="ROI", tooltip="z0:z1,y0:y1,x0:x1 in voxels, or with nm at the end. Empty: all.")
        self.memory = LineEdit(label="Memory", tooltip="Such as 4GB. Empty: two fifths of what is free.")
        self.output = LineEdit(label="Output", tooltip="OME-Zarr to make. Empty: VOLUME_ORGANELLE.zarr in this folder.")
        fields = (self.volume, self.organelle, self.model, self.roi, self.memory, self.output)
        super().__init__(*fields, verb="Segment")
        suggest_image(napari_viewer, self.volume)

    def words(self) -> Sequence[str]:
        """`asem segment ...`."""
        volume, organelle = given(self.volume, "which"), given(self.organelle, "which, such as mito")
        self.output.value = self.output.value.strip() or str(usual_path(volume, name_of(organelle)))
        more = option("--model", self.model) + option("--roi", self.roi) + option("--max-memory", self.memory)
        return ["segment", volume, "--organelle", organelle, "-o", self.output.value, *more]

    def done(self) -> None:
        """Open the probability map and the labels."""
        for data, more, kind in layers_of(Path(self.output.value), registry=make_registry()):
            if kind == "image":
                self._viewer.add_image(data, **more, visible=False)
            else:
                self._viewer.add_labels(data, **more)
