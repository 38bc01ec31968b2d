"""One operation under way: the log is held, so nobody else writes it, and ends with one line more or none."""

from __future__ import annotations

import getpass
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

from asem_annotate.proofread.edited import Edited
from asem_annotate.proofread.halving import halve
from asem_annotate.proofread.ledger import append, of_label
from asem_annotate.proofread.operation import (
    ACCEPT,
    DELETE,
    MERGE,
    RECATEGORISE,
    SPLIT,
    UNDO,
    Operation,
)
from asem_annotate.proofread.proof import Proof
from asem_annotate.proofread.sketch import centre_nm, sketch
from asem_annotate.settings import Settings
from asem_core.errors import AsemError
from asem_core.geometry import Triple
from asem_core.volume import Volume, as_volume, held

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True, eq=False)
class Turn:
    """The operations themselves, see `asem_annotate.proofread.operations`."""

    proof: Proof
    edited: Edited
    lines: Sequence[Operation]
    user: str
    replays: str | None

    def merge(self, ids: Sequence[int]) -> Operation:
        """See `asem_annotate.proofread.merge`."""
        told = " ".join(map(str, ids))
        if len(set(ids)) < max(2, len(ids)):
            raise AsemError(f"to merge takes two different objects or more, got {told}")
        done = self._add(MERGE, ids)
        if not self.edited.table.hang_together(ids):
            log.warning("%s do not all touch", told)
        return done

    def split(
        self,
        number: int,
        *,
        points: tuple[Triple, Triple],
        image: Volume | str | Path | None = None,
        settings: Settings | None = None,
    ) -> Operation:
        """See `asem_annotate.proofread.split`."""
        size = self.proof.volume.voxel_size
        grey = None if image is None else as_volume(image, voxel_size=size, only_if_unstated=True)
        new = self._next_id()
        cut = halve(self.proof, self.edited, number, points=points, new=new, image=grey, settings=settings)
        points_nm = tuple(centre_nm(self.proof, point) for point in points)
        return self._add(SPLIT, [number], new=[new], cut=cut, points=points, points_nm=points_nm)

    def delete(self, ids: Sequence[int]) -> Operation:
        """See `asem_annotate.proofread.delete`."""
        return self._add(DELETE, ids)

    def accept(self, ids: Sequence[int]) -> Operation:
        """See `asem_annotate.proofread.accept`."""
        return self._add(ACCEPT, ids)

    def recategorise(self, ids: Sequence[int], *, category: str) -> Operation:
        """See `asem_annotate.proofread.recategorise`."""
        if not category.replace("-", "_").isidentifier():
            raise AsemError(f"a category is a word of letters, digits, - and _, such as lysosome; got {category!r}")
        return self._add(RECATEGORISE, ids, category=category)

    def undo(self) -> Operation:
        """See `asem_annotate.proofread.undo`."""
        if not self.edited.operations:
            raise AsemError(f"{self.proof.log}: there is nothing to undo")
        return self._add(UNDO, [], undoes=self.edited.operations[-1].number)

    def _add(self, operation: str, ids: Sequence[int], *, new: Sequence[int] = (), **more: Any) -> Operation:
        """Write the line of ``operation`` on objects ``ids``; ``new`` objects came of it."""
        line = new_line(
            self.proof,
            self.lines,
            operation=operation,
            user=self.user,
            ids=(*ids, *new),
            objects=tuple(sketch(self.proof, self.edited, number) for number in ids),
            replays=self.replays,
            **more,
        )
        append(self.proof.log, line)
        return line

    def _next_id(self) -> int:
        """An id that no object ever had, also none of an operation that was undone."""
        named = [number for line in of_label(self.lines) for number in line.ids]
        return max([*named, int(self.proof.table.ids.max(initial=0))]) + 1


@contextmanager
def open_turn(proof: Proof, user: str | None, *, replays: str | None = None) -> Iterator[Turn]:
    """Hold the log, and read it.

    Raises
    ------
    AsemError
        Its last operation was made on another label.
    OutputError
        Another process writes it, or nothing can be written there.
    """
    with held(proof.log):
        lines = proof.lines()
        yield Turn(proof=proof, edited=proof.edited(lines), lines=lines, user=user or account(), replays=replays)


def new_line(proof: Proof, lines: Sequence[Operation], *, operation: str, user: str, **more: Any) -> Operation:
    """The line after ``lines``, now, on the label of ``proof``."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return Operation(number=len(lines) + 1, time=now, user=user, operation=operation, label=proof.fingerprint, **more)


def account() -> str:
    """Who runs this process, by the name of the account."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return "unknown"
