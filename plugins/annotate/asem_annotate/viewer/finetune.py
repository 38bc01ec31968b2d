"""The widget *Fine-tune*: a model and what was labelled become a model of one's own cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, FloatSpinBox, LineEdit

from asem_annotate.seed_file import stem
from asem_annotate.viewer.command import Command, given, option
from asem_annotate.viewer.suggest import suggest_image
from asem_core.organelles import name_of


class Finetune(Command):
    """`asem finetune`, in a process of its own; what it found, and where the new model is, is said below."""

    def __init__(self, napari_viewer: Any) -> None:
        self.volume = LineEdit(label="Volume", tooltip="Path or URL of the image; by default that of a layer.")
        self.drawn = LineEdit(label="Labels", tooltip="What Save labels wrote: NAME.zarr/labels/training of Correct, "
                               "NAME.zarr/labels/ORGANELLE of Annotate.")  # fmt: skip
        self.strokes = CheckBox(
            text="0 is not judged", value=True, tooltip="As in labels/training: 1 background, 2 the organelle."
        )
        self.organelle = LineEdit(label="Organelle", value="mito")
        self.model = LineEdit(label="Model", tooltip="To begin from: id or package. Empty: the organelle's default.")
        self.minutes = FloatSpinBox(label="Minutes", min=0.1, max=10_000, value=20)
        self.iterations = LineEdit(label="Iterations", tooltip="In the place of minutes.")
        self.output = LineEdit(label="Output", tooltip="Folder of the run. Empty: VOLUME_ORGANELLE_run here.")
        super().__init__(
            self.volume, self.drawn, self.strokes, self.organelle, self.model, self.minutes, self.iterations,
            self.output, verb="Fine-tune",
        )  # fmt: skip
        suggest_image(napari_viewer, self.volume)

    def words(self) -> Sequence[str]:
        """`asem finetune ...`."""
        volume, labels = given(self.volume, "which"), given(self.drawn, "which")
        organelle = given(self.organelle, "which, such as mito")
        self.output.value = self.output.value.strip() or str(
            Path(f"{stem(volume)}_{name_of(organelle)}_run").absolute()
        )
        length = option("--iterations", self.iterations) or ["--minutes", str(self.minutes.value)]
        unjudged = ["--unlabelled", "0"] if self.strokes.value else []
        return ["finetune", volume, labels, "--organelle", organelle, "-o", self.output.value, *length, *unjudged,
                *option("--model", self.model)]  # fmt: skip

    def done(self) -> None:
        """All that there is to say has been said."""
