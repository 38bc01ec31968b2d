"""A review of objects as layers of a napari viewer: the label as it is now, and what is picked in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from asem_annotate.proofread.doubt import Doubtful
from asem_annotate.proofread.proof import PROOFREAD
from asem_annotate.proofread.review import Review
from asem_annotate.seed_file import stem
from asem_annotate.viewer.layers import image_layer, lazily, placed, probability_layer
from asem_annotate.viewer.view import look_at
from asem_core.geometry import Triple, centre_of_first_voxel, triple
from asem_core.registry import Registry

_AROUND = 3.0
"""How many times the longest side of its box is seen round an object."""
_COLOURS = ("white", "yellow")
"""Of what is picked: the voxels that a split would set apart are the last two."""
_SIZE = 6
_OPACITY = 0.5


class Objects:
    """The layers of one review.

    Parameters
    ----------
    picked
        Called when somebody has picked something.
    keys
        What a key does while the label is the chosen layer.
    """

    def __init__(
        self,
        viewer: Any,
        review: Review,
        *,
        registry: Registry,
        picked: Callable[[], None],
        keys: Mapping[Any, Callable[[], None]],
    ) -> None:
        self.viewer, self.review, self._picked = viewer, review, picked
        self._place = placed(review.proof.volume)
        self._show_image(registry)
        name = f"{review.proof.organelle}{PROOFREAD}"
        self.label = viewer.add_labels(lazily(review.volume), name=name, opacity=_OPACITY, **self._place)
        self.label.editable = False
        self.points = viewer.add_points(
            np.zeros((0, 3)), name="picked", size=_SIZE, border_color="black", **self._place
        )
        viewer.layers.selection.active = self.label
        self.label.mouse_drag_callbacks.append(self._clicked)
        for key, act in keys.items():
            self.label.bind_key(key, lambda _, act=act: act(), overwrite=True)

    def refresh(self) -> None:
        """Show the label as it is now."""
        self.label.data = lazily(self.review.volume)
        self.show_picks()

    def show(self, found: Doubtful) -> None:
        """Show where an object is."""
        proof = self.review.proof
        first = centre_of_first_voxel(proof.volume.lower_edge_nm, proof.volume.voxel_size)
        step = proof.volume.voxel_size.zyx
        box = self.review.edited.table.box(self.review.edited.row(found.id))
        centre = [a + n * s for a, n, s in zip(first, found.inside, step, strict=True)]
        widest = max(n * s for n, s in zip(box.shape, step, strict=True))
        look_at(self.viewer, (centre[0], centre[1], centre[2]), width_nm=_AROUND * widest)
        self.label.selected_label = found.id

    def show_picks(self) -> None:
        """Show what is picked."""
        picks = self.review.picks
        self.points.data = np.array([pick.voxel for pick in picks], float).reshape(-1, 3)
        if picks:
            self.points.face_color = [_COLOURS[number % 2] for number in range(len(picks))]
        self.viewer.layers.selection.active = self.label

    def pick(self, world: Any, *, more: bool) -> None:
        """Pick what lies at a place in nm."""
        voxel: Triple = triple([round(float(at)) for at in self.label.world_to_data(world)[-3:]])
        self.review.pick(voxel, more=more)
        self.show_picks()
        self._picked()

    def close(self) -> None:
        """Take the layers away."""
        for layer in (self.label, self.points):
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def _clicked(self, _: object, event: Any) -> Iterator[None]:
        """A press and a release in one place; what moves in between moves the view."""
        moved = False
        yield
        while event.type == "mouse_move":
            moved = True
            yield
        if not moved:
            self.pick(event.position, more="Shift" in event.modifiers)

    def _show_image(self, registry: Registry) -> None:
        """Open what the label was drawn on, unless it is open."""
        proof = self.review.proof
        image = proof.image
        if image is None or any(layer.metadata.get("asem") == image.uri for layer in self.viewer.layers):
            return
        if image is proof.probability:
            data, more, _ = probability_layer(image, organelle=proof.organelle, registry=registry)
        else:
            data, more, _ = image_layer(image, name=stem(image.uri), registry=registry)
        self.viewer.add_image(data, **more)
