"""The widget *Proofread*: objects by doubt, merged, split and judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app_model.types import KeyCode, KeyMod
from magicgui.widgets import CheckBox, ComboBox, Container, Label, LineEdit, PushButton, Table
from napari.utils.notifications import show_info

from asem_annotate.proofread import open_proof, write
from asem_annotate.proofread.doubt import REASONS, Doubtful
from asem_annotate.proofread.operation import Operation
from asem_annotate.proofread.review import Review
from asem_annotate.seed_file import usual_path
from asem_annotate.viewer.objects import Objects
from asem_annotate.viewer.running import Running, tell
from asem_annotate.viewer.suggest import suggest_labels
from asem_annotate.viewer.tools import fields_of, reading, row
from asem_core.errors import AsemError
from asem_core.progress import Progress
from asem_core.registry import make_registry

SHOWN = 100
"""Objects in the table; *Next* goes on behind them."""
_HELP = """click: pick an object
Shift-click: one more, or another place in it
nothing picked: what is shown
N next · B back · Ctrl-Z undo"""


class Proofread(Container):
    """The queue of `asem proofread queue`, and its operations on what is shown or picked."""

    def __init__(self, napari_viewer: Any) -> None:
        self._viewer, self._registry = napari_viewer, make_registry()
        self.review: Review | None = None
        self.objects: Objects | None = None
        self.source = LineEdit(label="Objects", tooltip="What Segment or asem instances made, or a label of ids.")
        self.by = ComboBox(label="Queue by", choices=["doubt", *REASONS], value="doubt")
        self.begin_button = PushButton(text="Open")
        self.table, self.said = Table(value=None), reading(lines=3)
        self.tools = _Tools()
        self.running = Running(busy=self._busy)
        asked, keys = fields_of(self.source, self.by), Label(value=_HELP)
        super().__init__(
            widgets=[asked, self.begin_button, self.table, self.said, self.tools, self.running, keys], labels=False
        )
        self.table.read_only = True
        self._connect()
        suggest_labels(napari_viewer, self.source)

    def begin(self) -> None:
        """Open what the form says, in place of what was open."""
        labels = self.source.value.strip()
        if not labels:
            tell(AsemError("say which objects: the path of what has them, or open it in napari first"))
            return

        def opened(progress: Progress) -> Review:
            return Review(open_proof(labels, registry=self._registry, progress=progress), by=self.by.value)

        self.running.run(opened, self._show_review)

    def do(self, work: Callable[[Review], Operation]) -> None:
        """Do something to what is chosen, and show what came of it."""
        review = self.review
        if review is not None:
            self.running.run(lambda _: work(review), self._done)

    def step(self, count: int) -> None:
        """Show the next object of the queue, or another one."""
        if self.review is not None and (found := self.review.step(count)) is not None:
            self._show(found)

    def write(self) -> None:
        """Write the label as it is now."""
        if self.review is None:
            return
        proof, output, overwrite = self.review.proof, self.tools.output.value.strip(), self.tools.overwrite.value
        self.running.run(lambda progress: str(write(proof, output, overwrite=overwrite, progress=progress)), show_info)

    def _show_review(self, review: Review) -> None:
        if self.objects is not None:
            self.objects.close()
        self.review = review
        keys = {
            KeyCode.KeyN: lambda: self.step(1),
            KeyCode.KeyB: lambda: self.step(-1),
            KeyMod.CtrlCmd | KeyCode.KeyZ: lambda: self.do(Review.undo),
        }
        self.objects = Objects(self._viewer, review, registry=self._registry, picked=self._tell, keys=keys)
        self.tools.output.value = str(usual_path(self.source.value.strip().partition(".zarr/")[0], "proofread"))
        self.tools.enabled = True
        self._fill()

    def _done(self, operation: Operation) -> None:
        if self.objects is not None:
            self.objects.refresh()
        show_info(operation.told)
        self._fill()

    def _fill(self) -> None:
        """Say the queue, and show the object that it is at."""
        rows = [] if self.review is None else self.review.rows
        data = [[f"{each.doubt:.2f}", _reason(each), f"{each.voxels:,}", each.category or ""] for each in rows[:SHOWN]]
        columns = ["doubt", "because of", "voxels", "is a"]
        self._filling = True
        self.table.value = {"data": data, "columns": columns, "index": [each.id for each in rows[:SHOWN]]}
        self._filling = False
        if self.review is not None and self.review.row is not None:
            self._show(self.review.row)
        else:
            self._tell()

    def _show(self, found: Doubtful) -> None:
        if self.review is None or self.objects is None:
            return
        self.objects.show(found)
        place = [each.id for each in self.review.rows[:SHOWN]]
        self._filling = True
        if found.id in place:
            self.table.native.selectRow(place.index(found.id))
        else:
            self.table.native.clearSelection()
        self._filling = False
        self._tell()

    def _chosen(self) -> None:
        """Somebody chose a row of the table."""
        rows = {index.row() for index in self.table.native.selectedIndexes()}
        if self.review is not None and rows and not self._filling:
            self._show(self.review.look_at(min(rows)))

    def _tell(self) -> None:
        review = self.review
        if review is None:
            return
        shown = "nothing is left in the queue" if review.row is None else _described(review.row, len(review.rows))
        picked = " ".join(str(pick.id) for pick in review.picks)
        self.said.value = f"{shown}\npicked: {picked or 'nothing'}"

    def _busy(self, busy: bool) -> None:
        self.begin_button.enabled = not busy
        self.tools.enabled = not busy and self.review is not None

    def _connect(self) -> None:
        tools = self.tools
        self._filling = False
        acts: dict[PushButton, Callable[[], None]] = {
            self.begin_button: self.begin,
            tools.back: lambda: self.step(-1),
            tools.next: lambda: self.step(1),
            tools.merge: lambda: self.do(Review.merge),
            tools.split: lambda: self.do(Review.split),
            tools.accept: lambda: self.do(Review.accept),
            tools.delete: lambda: self.do(Review.delete),
            tools.recategorise: lambda: self.do(lambda review: review.recategorise(tools.category.value.strip())),
            tools.undo: lambda: self.do(Review.undo),
            tools.write: self.write,
        }
        for button, act in acts.items():
            button.changed.connect(lambda _, act=act: act())
        self.table.native.itemSelectionChanged.connect(self._chosen)


class _Tools(Container):
    """The buttons."""

    def __init__(self) -> None:
        self.back, self.next = PushButton(text="Back"), PushButton(text="Next")
        self.accept = PushButton(text="Accept", tooltip="It is right: it leaves the queue.")
        self.delete = PushButton(text="Delete", tooltip="It is none: its voxels become background.")
        self.merge = PushButton(text="Merge", tooltip="What is picked becomes one object.")
        self.split = PushButton(text="Split", tooltip="An object is cut between the two places that were picked last.")
        self.recategorise = PushButton(text="It is a", tooltip="Something else than the label says.")
        self.category = LineEdit(value="", tooltip="A word, such as lysosome.")
        self.undo = PushButton(text="Undo")
        self.output = LineEdit(tooltip="OME-Zarr of the label as it is now.")
        self.write, self.overwrite = PushButton(text="Write"), CheckBox(text="replace", value=False)
        super().__init__(
            widgets=[
                row(self.back, self.next, self.undo),
                row(self.accept, self.delete),
                row(self.merge, self.split),
                row(self.recategorise, self.category),
                self.output,
                row(self.write, self.overwrite),
            ],
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        self.enabled = False


def _reason(found: Doubtful) -> str:
    """What is doubted most."""
    return max(found.reasons, key=lambda name: found.reasons[name])


def _described(found: Doubtful, count: int) -> str:
    sure = "" if found.mean_probability is None else f", probability {found.mean_probability:.2f}"
    beside = "" if found.neighbour is None else f", touches {found.neighbour}"
    return f"object {found.id} of {count} in the queue: doubt {found.doubt:.2f}{sure}{beside}"
