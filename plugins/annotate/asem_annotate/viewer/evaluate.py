"""The widget *Evaluate*: scores of a segmentation, and what it found, invented and missed as a layer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from magicgui.widgets import LineEdit

from asem_annotate.viewer.command import Command, given
from asem_annotate.viewer.layers import errors_layer
from asem_annotate.viewer.suggest import suggest_probability
from asem_core.errors import AsemError
from asem_core.organelles import find_organelle
from asem_core.registry import make_registry
from asem_core.volume import as_volume


class Evaluate(Command):
    """`asem evaluate`, with the errors as a layer."""

    def __init__(self, napari_viewer: Any) -> None:
        self._viewer = napari_viewer
        self.prediction = LineEdit(label="Prediction", tooltip="What Segment made, or labels in any format.")
        self.truth = LineEdit(label="Labels", tooltip="The ground truth, in any format.")
        self.organelle = LineEdit(label="Organelle", value="mito")
        super().__init__(self.prediction, self.truth, self.organelle, verb="Evaluate")
        suggest_probability(napari_viewer, self.prediction)

    def words(self) -> Sequence[str]:
        """`asem evaluate ...`."""
        prediction, labels = given(self.prediction, "what is scored"), given(self.truth, "what is true")
        return ["evaluate", prediction, labels, "--organelle", given(self.organelle, "which, such as mito"), "--json"]

    def done(self) -> None:
        """Say the scores and show the errors."""
        found = json.loads(self.printed)
        self.said.value = (
            "\n".join(
                f"{name}: F1 {score['f1']:.4f}, precision {score['precision']:.4f}, recall {score['recall']:.4f}"
                for name, score in (("with zone", found["with_zone"]), ("without", found["without_zone"]))
            )
            + "\nblue: found; orange: invented; magenta: missed"
        )
        registry = make_registry()
        name = find_organelle(self.organelle.value.strip(), registry).name
        try:
            predicted, truth = (
                as_volume(field.value.strip(), labels=name, registry=registry)
                for field in (self.prediction, self.truth)
            )
        except AsemError as error:
            self.said.value += f"\nno layer: {error}"
            return
        data, more, _ = errors_layer(predicted, truth, name=f"{name} errors")
        self._viewer.add_labels(data, **more)
