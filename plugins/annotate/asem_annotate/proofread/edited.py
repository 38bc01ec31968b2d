"""A label as it is by the operations on it: its objects as a table, and its voxels in any box."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
import numpy as np

from asem_annotate.proofread.operation import ACCEPT, DELETE, MERGE, RECATEGORISE, SPLIT, Cut, Half, Operation
from asem_annotate.proofread.table import Ids, Table, summed
from asem_core.errors import AsemError
from asem_core.geometry import Box


@attrs.frozen(kw_only=True, eq=False)
class Edited:
    """A label and the operations on it that hold. Nothing is stored: what is asked for is computed from the log."""

    table: Table
    """The objects as they are now."""
    operations: tuple[Operation, ...]
    accepted: frozenset[int]
    category: dict[int, str]
    """Of objects that are something else than the label says."""
    gone: dict[int, Operation]
    """Ids that there are no longer, and what took them away."""
    _read: Callable[[Box], Ids]

    @classmethod
    def of(cls, table: Table, operations: Iterable[Operation], *, read: Callable[[Box], Ids]) -> Edited:
        """The label that ``read(box)`` gives, whose objects are ``table``, after ``operations``."""
        draft = _Draft(table)
        done = tuple(operations)
        for operation in done:
            draft.apply(operation)
        return cls(
            table=draft.finished(),
            operations=done,
            accepted=frozenset(draft.accepted),
            category=draft.category,
            gone=draft.gone,
            read=read,
        )

    def row(self, number: int) -> int:
        """Where the object ``number`` stands in the table.

        Raises
        ------
        AsemError
            There is none; says what became of it.
        """
        row = int(np.searchsorted(self.table.ids, number))
        if row < len(self.table.ids) and self.table.ids[row] == number:
            return row
        became = f"; operation {self.gone[number]}" if number in self.gone else ""
        raise AsemError(f"there is no object {number}{became}")

    def ids(self, box: Box) -> Ids:
        """The id of every voxel of ``box`` ``(z, y, x)``."""
        names, where = np.unique(self._read(box), return_inverse=True)
        where = where.reshape(box.shape)
        for operation in self.operations:
            if operation.operation == MERGE:
                names[np.isin(names, operation.ids[1:])] = operation.ids[0]
            elif operation.operation == DELETE:
                names[np.isin(names, operation.ids)] = 0
            elif operation.cut is not None and operation.ids[0] in names:
                names, where = _divided(names, where, box, operation.cut)
        return np.asarray(names[where], np.int64)


def _divided(names: Ids, where: Ids, box: Box, cut: Cut) -> tuple[Ids, Ids]:
    """``where``, indices into ``names``, with an entry more for the voxels that ``cut`` gives to its new object."""
    place = cut.place
    common = place.intersect(box)
    if not common.size:
        return names, where
    taken = cut.mask()[common.shift([-a for a in place.start]).slices]
    where[common.shift([-a for a in box.start]).slices][taken] = len(names)
    return np.append(names, cut.halves[1].id), where


class _Draft:
    """A table under change."""

    def __init__(self, table: Table) -> None:
        self._ids = table.ids.copy()
        self._columns = {
            name: getattr(table, name).copy() for name in ("voxels", "low", "high", "inside", "probability")
        }
        self._pairs, self._faces = table.pairs.copy(), table.faces.copy()
        self.accepted: set[int] = set()
        self.category: dict[int, str] = {}
        self.gone: dict[int, Operation] = {}

    def apply(self, operation: Operation) -> None:
        first, *others = operation.ids
        if operation.operation == MERGE:
            for other in others:
                self._join(first, other)
                self._take(other, operation, into=first)
            self.accepted.discard(first)
        elif operation.operation == DELETE:
            for number in operation.ids:
                self._take(number, operation, into=0)
        elif operation.operation == SPLIT and operation.cut is not None:
            self._divide(first, operation.cut)
        elif operation.operation == ACCEPT:
            self.accepted.update(operation.ids)
        elif operation.operation == RECATEGORISE and operation.category is not None:
            self.category.update(dict.fromkeys(operation.ids, operation.category))

    def finished(self) -> Table:
        order = np.flatnonzero(~np.isin(self._ids, list(self.gone)))
        order = order[np.argsort(self._ids[order])]
        pairs, faces = summed(self._pairs, self._faces)
        columns = {name: values[order] for name, values in self._columns.items()}
        return Table(ids=self._ids[order], pairs=pairs, faces=faces, **columns)

    def _row(self, number: int) -> int:
        return int(np.flatnonzero(self._ids == number)[0])

    def _join(self, first: int, other: int) -> None:
        a, b = self._row(first), self._row(other)
        column = self._columns
        column["inside"][a] = column["inside"][max((a, b), key=lambda row: column["voxels"][row])]
        column["voxels"][a] += column["voxels"][b]
        column["probability"][a] += column["probability"][b]
        column["low"][a] = np.minimum(column["low"][a], column["low"][b])
        column["high"][a] = np.maximum(column["high"][a], column["high"][b])

    def _take(self, number: int, operation: Operation, *, into: int) -> None:
        self._pairs[self._pairs == number] = into
        self.gone[number] = operation
        self.accepted.discard(number)
        self.category.pop(number, None)

    def _divide(self, number: int, cut: Cut) -> None:
        new = cut.halves[1].id
        self.accepted.discard(number)
        if number in self.category:
            self.category[new] = self.category[number]
        self._ids = np.append(self._ids, new)
        for name, values in self._columns.items():
            kept, added = (np.array([_value(half, name)]) for half in cut.halves)
            self._columns[name] = np.concatenate([values, added.astype(values.dtype)])
            self._columns[name][self._row(number)] = kept[0]
        others = ~(self._pairs == number).any(axis=1)
        touched = [(half.id, *contact) for half in cut.halves for contact in half.touches]
        rows = np.array(touched, np.int64).reshape(-1, 5)
        self._pairs = np.concatenate([self._pairs[others], rows[:, :2]])
        self._faces = np.concatenate([self._faces[others], rows[:, 2:]])


def _value(half: Half, name: str) -> object:
    found = getattr(half, name)
    return np.nan if found is None else found
