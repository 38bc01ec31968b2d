"""What is painted where: the upper half of *Annotate* and *Correct*."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Container, LineEdit, PushButton

from asem_annotate.seed_file import usual_path
from asem_annotate.session import Session
from asem_annotate.viewer.running import tell
from asem_annotate.viewer.suggest import suggest_image, suggest_probability
from asem_annotate.viewer.tools import line_up
from asem_annotate.viewer.view import box_of_view
from asem_core.errors import AsemError
from asem_core.geometry import parse_roi
from asem_core.organelles import name_of
from asem_core.registry import Registry
from asem_core.volume import open_volume


class Form(Container):
    """Volume, prediction, organelle, ROI and seeds.

    Parameters
    ----------
    ending
        Of the name of new seeds.
    corrects
        Whether a prediction is asked for.
    """

    def __init__(self, viewer: Any, *, registry: Registry, ending: str, corrects: bool) -> None:
        self._viewer, self._registry, self._ending, self._corrects = viewer, registry, ending, corrects
        self.volume = LineEdit(label="Volume", tooltip="Path or URL of the image; by default that of a layer.")
        self.prediction = LineEdit(label="Prediction", tooltip="Probabilities, such as Segment makes.")
        what = "What was predicted." if corrects else "A name; several in the order of the values 2, 3 ...: mito, er"
        self.organelle = LineEdit(label="Organelle", value="mito", tooltip=what)
        self.roi = LineEdit(
            label="ROI", tooltip="z0:z1,y0:y1,x0:x1 in voxels, or with nm at the end. Empty: all, or the middle."
        )
        self.from_view = PushButton(text="ROI from view", tooltip="A box round the middle of what is seen.")
        self.path = LineEdit(label="Seeds", tooltip="OME-Zarr; made, or gone on with. Saved after every stroke.")
        asked = [self.prediction] if corrects else []
        super().__init__(widgets=[self.volume, *asked, self.organelle, self.roi, self.from_view, self.path])
        self.margins = (0, 0, 0, 0)
        line_up(self)
        self.from_view.changed.connect(self._take_view)
        suggest_image(viewer, self.volume)
        suggest_probability(viewer, self.prediction)

    def asked(self) -> dict[str, Any]:
        """What it says, as `asem_annotate.session.begin` takes it.

        Raises
        ------
        AsemError
            Something is missing, or no ROI.
        """
        organelles = [name.strip() for name in self.organelle.value.split(",") if name.strip()]
        if not self.volume.value.strip():
            raise AsemError("say which volume: its path, or open it in napari first")
        if not organelles:
            raise AsemError("say which organelle: a name, such as mito")
        if self._corrects and not self.prediction.value.strip():
            raise AsemError("say which prediction: probabilities, such as `asem segment` makes")
        volume = self.volume.value.strip()
        return {
            "volume": volume,
            "seeds": self.path.value.strip() or usual_path(volume, name_of(organelles[0]), self._ending),
            "organelle": organelles,
            "prediction": self.prediction.value.strip() if self._corrects else None,
            "roi": parse_roi(self.roi.value) if self.roi.value.strip() else None,
            "registry": self._registry,
        }

    def fill(self, session: Session) -> None:
        """Say what ``session`` is."""
        self.volume.value, self.organelle.value = session.scene.raw.uri, ", ".join(session.names)
        self.roi.value, self.path.value = str(session.file.part), str(session.file.path)
        self.prediction.value = "" if session.prediction is None else session.prediction.volume.uri

    def _take_view(self, _: object) -> None:
        try:
            volume = open_volume(self.volume.value.strip(), registry=self._registry)
        except AsemError as error:
            tell(error)
            return
        self.roi.value = str(box_of_view(self._viewer, volume))
