"""A session as layers of a napari viewer: painting, undo, keys, and what was cut.

===========  ==========================================================
Q            paint the organelle; once more: the next of several
W            paint background
E            erase
R            move about
A, S         hide the cut, show it
D            supervoxels, on and off
Z, M         the previous, the next section in which something is marked
Ctrl-Z       undo; with Shift: redo
===========  ==========================================================

Q, W, E, R, A, S, Z and M are those of the program of Gallusser et al. 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from app_model.types import KeyCode, KeyMod
from qtpy.QtCore import QTimer

from asem_annotate.labelling import BACKGROUND, FIRST, Seeds
from asem_annotate.seed_file import stem
from asem_annotate.session import Session
from asem_annotate.viewer.colours import SUPERVOXELS, seed_colours
from asem_annotate.viewer.layers import image_layer, placed
from asem_annotate.viewer.running import tell
from asem_annotate.viewer.view import look_at
from asem_core.errors import AsemError
from asem_core.geometry import Box, triple
from asem_core.registry import Registry

_SEEDS_OPACITY, _FOUND_OPACITY, _SUPERVOXEL_OPACITY = 0.8, 0.35, 0.25


class Canvas:
    """The layers of one session."""

    def __init__(self, viewer: Any, session: Session, *, registry: Registry, stroked: Callable[[], None]) -> None:
        self.viewer, self.session, self._stroked = viewer, session, stroked
        self._place = placed(session.scene.raw, box=session.file.part)
        self.found: Any = None
        """The layer of what was cut; None before."""
        self.supervoxels: Any = None
        self._show_image(registry)
        self.seeds = viewer.add_labels(
            session.seeds,
            name=session.file.path.stem,
            colormap=seed_colours(session.names),
            opacity=_SEEDS_OPACITY,
            **self._place,
        )
        self.seeds.brush_size = 5
        self.seeds.events.paint.connect(lambda _: QTimer.singleShot(0, self.keep))  # the bucket says so before it fills
        self.seeds.events.selected_label.connect(self._keep_to_names)
        self._bind()
        if session.prediction is not None:
            self.show((session.prediction.probability >= session.threshold) * np.uint8(FIRST))
        self.paint(FIRST)
        self.look()

    def keep(self) -> None:
        """Save what was painted."""
        if self._safely(self.session.keep):
            self._stroked()

    def undo(self) -> None:
        """Take the last stroke back."""
        if self._safely(self.session.undo):
            self._repainted()

    def redo(self) -> None:
        """Make the last stroke that was taken back again."""
        if self._safely(self.session.redo):
            self._repainted()

    def interpolate(self) -> None:
        """Fill the sections between those that were drawn in full, along the axis that is looked along."""
        if self._safely(lambda: self.session.interpolate(axis=self._axis)):
            self._repainted()

    def paint(self, value: int) -> None:
        """Let the mouse paint ``value``."""
        self.seeds.selected_label = value
        self.seeds.mode = "paint"
        self.viewer.layers.selection.active = self.seeds

    def show(self, found: Seeds) -> None:
        """Show what was cut."""
        if self.found is not None and self.found in self.viewer.layers:
            self.found.data = found
            return
        colours = seed_colours(self.session.names)
        name = " ".join(self.session.names)
        self.found = self._add_below(found, name=name, colormap=colours, opacity=_FOUND_OPACITY)

    def close(self) -> bool:
        """End the session, and take the layers away that belong to it alone; False where it cannot be saved."""
        try:
            self.session.close()
        except AsemError as error:
            tell(error)
            return False
        for layer in (self.seeds, self.found, self.supervoxels):
            if layer is not None and layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        return True

    def toggle_supervoxels(self) -> bool:
        """Show the outlines of supervoxels, or hide them; False where there are none yet."""
        prepared = self.session.prepared
        if prepared is None:
            return False
        if self.supervoxels is None or self.supervoxels not in self.viewer.layers:
            colours = {None: SUPERVOXELS, -1: SUPERVOXELS}
            self.supervoxels = self._add_below(
                prepared.ids, name="supervoxels", colormap=colours, opacity=_SUPERVOXEL_OPACITY
            )
            self.supervoxels.contour = 1
        else:
            self.supervoxels.data = prepared.ids
            self.supervoxels.visible = not self.supervoxels.visible
        return True

    def look(self) -> None:
        """Show the part that is painted in, from its middle."""
        shape = self.session.file.part.shape
        world = self.seeds.data_to_world([(n - 1) / 2 for n in shape])
        width = max(n * step for n, step in zip(shape[1:], self._place["scale"][1:], strict=True))
        look_at(self.viewer, triple([float(at) for at in world]), width_nm=width)

    @property
    def _axis(self) -> int:
        """The axis that is looked along."""
        axis: int = self.viewer.dims.order[-3] - (self.viewer.dims.ndim - 3)
        return axis

    def _go(self, step: int) -> None:
        axis = self._axis
        world = self.viewer.dims.point[-3:]
        here = round(float(self.seeds.world_to_data(world)[axis]))
        marked = self.session.sections(axis)
        onward = [n for n in marked if n > here] if step > 0 else [n for n in reversed(marked) if n < here]
        if onward:
            place = self._place["translate"][axis] + onward[0] * self._place["scale"][axis]
            self.viewer.dims.set_point(axis + self.viewer.dims.ndim - 3, place)

    def _show_image(self, registry: Registry) -> None:
        """Open the volume, unless it is open."""
        raw = self.session.scene.raw
        if all(layer.metadata.get("asem") != raw.uri for layer in self.viewer.layers):
            data, more, _ = image_layer(raw, name=stem(raw.uri), registry=registry)
            self.viewer.add_image(data, **more)

    def _add_below(self, data: Any, **more: Any) -> Any:
        """A label layer below the seeds, which stay the layer that is painted on."""
        layer = self.viewer.add_labels(data, **self._place, **more)
        self.viewer.layers.move(self.viewer.layers.index(layer), self.viewer.layers.index(self.seeds))
        self.viewer.layers.selection.active = self.seeds
        return layer

    def _repainted(self) -> None:
        self.seeds.refresh()
        self._stroked()

    def _keep_to_names(self, _: object) -> None:
        """Values that nothing is named for are not painted."""
        last = BACKGROUND + len(self.session.names)
        if self.seeds.selected_label > last:
            self.seeds.selected_label = last

    def _safely(self, change: Callable[[], Box | None]) -> bool:
        """Whether ``change`` changed anything; what went wrong is said."""
        try:
            return change() is not None
        except AsemError as error:
            tell(error)
            return False

    def _paint_organelle(self, _: object) -> None:
        value = int(self.seeds.selected_label)
        painting = self.seeds.mode == "paint" and value >= FIRST
        self.paint(FIRST + (value - FIRST + 1) % len(self.session.names) if painting else FIRST)

    def _set_mode(self, mode: str) -> None:
        self.seeds.mode = mode

    def _see_found(self, seen: bool) -> None:
        if self.found is not None:
            self.found.visible = seen

    def _bind(self) -> None:
        undo = KeyMod.CtrlCmd | KeyCode.KeyZ
        keys: dict[Any, Callable[[Any], Any]] = {
            "Q": self._paint_organelle,
            "W": lambda _: self.paint(BACKGROUND),
            "E": lambda _: self._set_mode("erase"),
            "R": lambda _: self._set_mode("pan_zoom"),
            "A": lambda _: self._see_found(False),
            "S": lambda _: self._see_found(True),
            "D": lambda _: self.toggle_supervoxels(),
            "Z": lambda _: self._go(-1),
            "M": lambda _: self._go(1),
            undo: lambda _: self.undo(),
            undo | KeyMod.Shift: lambda _: self.redo(),
        }
        for key, act in keys.items():
            self.seeds.bind_key(key, act, overwrite=True)
