"""Proofreading with somebody looking: the queue, a place in it, and what was picked. What is done is logged as ever."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.proofread import operations
from asem_annotate.proofread.doubt import By, Doubtful, queue
from asem_annotate.proofread.edited import Edited
from asem_annotate.proofread.operation import Operation
from asem_annotate.proofread.proof import Proof
from asem_core.errors import AsemError
from asem_core.geometry import Box, Triple
from asem_core.volume import Volume, window


@attrs.frozen
class Pick:
    """A voxel that somebody pointed at, and the object that it is in."""

    id: int
    voxel: Triple


class Review:
    """A label under proofreading, the object that is looked at, and those that were picked.

    Parameters
    ----------
    proof
        The label.
    by
        What the queue is sorted by.
    user
        Who looks; by default the name of the account.
    """

    def __init__(self, proof: Proof, *, by: By = "doubt", user: str | None = None) -> None:
        self.proof, self.by, self.user = proof, by, user
        self.picks: list[Pick] = []
        """Voxels that were pointed at, the last one last."""
        self.current: int | None = None
        """Id of the object that is looked at; None where the queue is empty."""
        self._place = 0
        self.refresh()

    def refresh(self) -> None:
        """Read the log anew: what is picked is forgotten, and where what was looked at has left the queue, the object
        that took its place is looked at.

        Raises
        ------
        AsemError
            The label is another one than that of the last operation.
        """
        self.edited: Edited = self.proof.edited()
        self.rows: list[Doubtful] = queue(self.proof, by=self.by)
        self.picks = []
        ids = [row.id for row in self.rows]
        if self.current in ids:
            self._place = ids.index(self.current)
        self._place = min(self._place, max(len(ids) - 1, 0))
        self.current = ids[self._place] if ids else None

    @property
    def row(self) -> Doubtful | None:
        """The object that is looked at."""
        return self.rows[self._place] if self.rows else None

    def step(self, count: int) -> Doubtful | None:
        """Look at the object ``count`` places further down the queue, or up; at its ends, at the first or the last."""
        return self.look_at(min(max(self._place + count, 0), len(self.rows) - 1)) if self.rows else None

    def look_at(self, place: int) -> Doubtful:
        """Look at the object at ``place`` in the queue, from 0."""
        self._place = place
        self.current = self.rows[place].id
        return self.rows[place]

    def pick(self, voxel: Triple, *, more: bool = False) -> Pick | None:
        """Pick what lies at ``voxel``, ``more``: beside what is picked already; None where nothing is."""
        place = Box(voxel, [n + 1 for n in voxel])
        inside = self.proof.volume.box.contains(place)
        number = int(self.edited.ids(place)[0, 0, 0]) if inside else 0
        if not more:
            self.picks = []
        if not number:
            return None
        self.picks.append(Pick(number, voxel))
        return self.picks[-1]

    @property
    def chosen(self) -> tuple[int, ...]:
        """The objects that are picked, in the order in which they were; where there are none, what is looked at.

        Raises
        ------
        AsemError
            Nothing is looked at either.
        """
        picked = tuple(dict.fromkeys(pick.id for pick in self.picks))
        if not picked and self.current is None:
            raise AsemError("the queue is empty: click on an object")
        return picked or (int(self.current or 0),)

    def merge(self) -> Operation:
        """Make what is picked one object, which keeps the id of the first."""
        ids = self.chosen
        if len(ids) < 2:
            raise AsemError("click on an object, then on another one with Shift: these are merged")
        return self._done(operations.merge(self.proof, ids, user=self.user))

    def split(self) -> Operation:
        """Cut an object between the two voxels that were picked last."""
        if len(self.picks) < 2 or self.picks[-2].id != self.picks[-1].id:
            raise AsemError("click on an object, and with Shift on another place in it: it is cut between the two")
        first, second = self.picks[-2:]
        points = (first.voxel, second.voxel)
        return self._done(operations.split(self.proof, first.id, points=points, user=self.user))

    def delete(self) -> Operation:
        """Take away what is chosen."""
        return self._done(operations.delete(self.proof, self.chosen, user=self.user))

    def accept(self) -> Operation:
        """Say that what is chosen is right."""
        return self._done(operations.accept(self.proof, self.chosen, user=self.user))

    def recategorise(self, category: str) -> Operation:
        """Say that what is chosen is something else."""
        return self._done(operations.recategorise(self.proof, self.chosen, category=category, user=self.user))

    def undo(self) -> Operation:
        """Undo the last operation that holds."""
        return self._done(operations.undo(self.proof, user=self.user))

    @property
    def volume(self) -> Volume:
        """The label as it is now; computed as it is read."""
        volume = self.proof.volume
        return window(attrs.evolve(volume, array=_Now(self.edited, volume.shape)), volume.box)

    def _done(self, operation: Operation) -> Operation:
        self.refresh()
        return operation


@attrs.frozen(eq=False)
class _Now:
    """An edited label as an array of which boxes are read."""

    edited: Edited
    shape: Triple

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of ids."""
        return np.dtype(np.int64)

    def __getitem__(self, key: tuple[slice, slice, slice]) -> npt.NDArray[np.int64]:
        return self.edited.ids(Box([part.start for part in key], [part.stop for part in key]))
