"""What the widgets *Annotate* and *Correct* are: a form, a session, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from magicgui.widgets import Container, Label, PushButton
from napari.utils.notifications import show_info

from asem_annotate.seed_file import usual_path
from asem_annotate.session import Session, begin
from asem_annotate.viewer.canvas import Canvas
from asem_annotate.viewer.form import Form
from asem_annotate.viewer.running import Running, tell
from asem_annotate.viewer.tools import Tools
from asem_core.errors import AsemError
from asem_core.progress import Progress
from asem_core.registry import make_registry

_KEYS = """Q organelle · W background · E erase · R move
C {verb} · A S hide, show it · D supervoxels
Z M marked sections · Ctrl-Z undo"""


class Desk(Container):
    """A widget in which seeds are painted and cut.

    Parameters
    ----------
    verb
        What it does, as its button says.
    seeds, output
        Endings of the names of what it makes.
    corrects
        Whether it corrects a prediction.
    """

    def __init__(self, viewer: Any, *, verb: str, seeds: str, output: str, corrects: bool) -> None:
        self._viewer, self._output, self._registry = viewer, output, make_registry()
        self.canvas: Canvas | None = None
        self._again = False
        self.form = Form(viewer, registry=self._registry, ending=seeds, corrects=corrects)
        self.begin_button = PushButton(text="Open")
        self.tools = Tools(verb=verb)
        self.running = Running(busy=self._busy)
        keys = Label(value=_KEYS.format(verb=verb.lower()))
        super().__init__(widgets=[self.form, self.begin_button, self.tools, self.running, keys], labels=False)
        self._connect()

    def begin(self) -> None:
        """End what was painted before, and begin what the form says."""
        if self.running.busy:
            return
        try:
            asked = self.form.asked()
        except AsemError as error:
            tell(error)
            return
        if not self._closed():
            return
        self.running.run(lambda progress: begin(**asked, progress=progress), self.show_session)

    def show_session(self, session: Session) -> None:
        """Go on with ``session``, once nothing else is painted."""
        self.form.fill(session)
        self.tools.fill(session.settings)
        self.tools.output.value = str(usual_path(session.scene.raw.uri, session.names[0], self._output))
        self.canvas = Canvas(self._viewer, session, registry=self._registry, stroked=self._stroked)
        self.canvas.seeds.bind_key("C", lambda _: self.solve(), overwrite=True)
        self.tools.enabled = True

    def solve(self) -> None:
        """Cut with the seeds as they are now, and show it; while something runs, after it."""
        if self.canvas is None:
            return
        session, seeds = self.canvas.session, self.canvas.session.seeds.copy()
        if self.running.busy:
            self._again = True
            return
        session.settings = self.tools.of(session.settings)
        self.running.run(lambda progress: session.solve(seeds, progress=progress), self.canvas.show)

    def save(self) -> None:
        """Write the labels."""
        if self.canvas is None:
            return
        session, output, overwrite = self.canvas.session, self.tools.output.value.strip(), self.tools.overwrite.value
        session.settings = self.tools.of(session.settings)

        def write(progress: Progress) -> str:
            return str(session.write(output, overwrite=overwrite, progress=progress))

        self.running.run(write, show_info)

    def _closed(self) -> bool:
        """End what was painted before; False where it cannot be saved."""
        if self.canvas is None:
            return True
        if not self.canvas.close():
            return False
        self.canvas, self.tools.enabled = None, False
        return True

    def _stroked(self) -> None:
        if self.tools.live.value:
            self.solve()

    def _toggle_supervoxels(self) -> None:
        if self.canvas is not None and not self.canvas.toggle_supervoxels():
            show_info(f"supervoxels are made by {self.tools.solve.text}")

    def _connect(self) -> None:
        def on_canvas(act: Callable[[Canvas], None]) -> Callable[[], None]:
            return lambda: act(self.canvas) if self.canvas is not None else None

        acts = (
            (self.begin_button, self.begin),
            (self.tools.solve, self.solve),
            (self.tools.save, self.save),
            (self.tools.supervoxels, self._toggle_supervoxels),
            (self.tools.between, on_canvas(Canvas.interpolate)),
            (self.tools.undo, on_canvas(Canvas.undo)),
            (self.tools.redo, on_canvas(Canvas.redo)),
        )
        for button, act in acts:
            button.changed.connect(lambda _, act=act: act())

    def _busy(self, busy: bool) -> None:
        self.begin_button.enabled = self.tools.save.enabled = not busy
        if not busy and self._again:
            self._again = False
            self.solve()
