"""Ids that every block of a volume gave by itself, on disk, and as one common count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, Triple, triple
from asem_core.volume.formats.zarr_array import block_files, temporary_array


@attrs.frozen(kw_only=True, eq=False)
class LocalIds:
    """The ids of every block on disk, and where those of each block begin in one common count."""

    array: Any
    grid: Triple
    block: Triple
    offsets: npt.NDArray[np.int64] = attrs.field(factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def open(cls, folder: Path, shape: Triple, block: Triple) -> LocalIds:
        """Those in ``folder``, which is made where it is not there, of a volume of ``shape`` cut into ``block``."""
        array = temporary_array(folder / "ids", shape=shape, dtype="uint32", chunk=block)
        return cls(array=array, grid=triple([-(-n // b) for n, b in zip(shape, block, strict=True)]), block=block)

    def counted(self, found: Sequence[int]) -> LocalIds:
        """The same in one count, where the blocks, in raster order, have ``found`` ids each."""
        return attrs.evolve(self, offsets=np.concatenate([[0], np.cumsum(found, dtype=np.int64)]))

    def write(self, box: Box, ids: npt.NDArray[np.integer[Any]]) -> list[Path]:
        """Write a whole block; the files without which it cannot be read."""
        self.array[box.slices] = ids.astype(np.uint32)
        return block_files(self.array, box)

    def read(self, box: Box) -> npt.NDArray[np.int64]:
        """Ids of the common count ``(z, y, x)``; 0 stays 0. `counted` must have said how many there are."""
        ids = np.asarray(self.array[box.slices]).astype(np.int64)
        for index, part in self._parts(box):
            offset = self.offsets[np.ravel_multi_index(index, self.grid)]
            view = ids[part.shift([-s for s in box.start]).slices]
            view[view > 0] += offset
        return ids

    def look_up(self, box: Box, *tables: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """`read` of ``box`` taken through ``tables``, one after the other; the first is by ids of the common count."""
        first, *others = tables
        ids = np.asarray(self.array[box.slices])
        found = np.empty(ids.shape, tables[-1].dtype)
        for index, part in self._parts(box):
            number = np.ravel_multi_index(index, self.grid)
            of_block = first[self.offsets[number] : self.offsets[number + 1] + 1].copy()
            of_block[0] = first[0]
            for table in others:
                of_block = table[of_block]
            place = part.shift([-s for s in box.start]).slices
            found[place] = of_block[ids[place]]
        return found

    def _parts(self, box: Box) -> Iterator[tuple[Triple, Box]]:
        first = [a // b for a, b in zip(box.start, self.block, strict=True)]
        last = [-(-e // b) for e, b in zip(box.stop, self.block, strict=True)]
        for index in product(*(range(a, b) for a, b in zip(first, last, strict=True))):
            start = [i * b for i, b in zip(index, self.block, strict=True)]
            whole = Box(start, [s + b for s, b in zip(start, self.block, strict=True)])
            yield triple(index), whole.intersect(box)
