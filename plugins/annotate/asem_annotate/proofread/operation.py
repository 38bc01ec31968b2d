"""What was done, as it stands in the log: one `Operation` a line."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import attrs
import cattrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, FloatTriple

MERGE, SPLIT, DELETE, ACCEPT, RECATEGORISE, UNDO, REPLAY = (
    "merge", "split", "delete", "accept", "recategorise", "undo", "replay",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Sketch:
    """An object as it was before an operation, by which it is found again in another segmentation."""

    id: int
    volume_nm3: float
    points_nm: tuple[FloatTriple, ...]
    """Centres of some of its voxels, evenly spread over them (z, y, x)."""


@attrs.frozen(kw_only=True)
class Half:
    """What one of the two objects is that a split made, as in `asem_annotate.proofread.table.Table`."""

    id: int
    voxels: int
    low: tuple[int, int, int]
    high: tuple[int, int, int]
    inside: tuple[int, int, int]
    probability: float | None = None
    """Summed; None where there is no map."""
    touches: tuple[tuple[int, int, int, int], ...] = ()
    """Ids of what it touches, 0 for background, and how many faces across z, y and x."""


@attrs.frozen(kw_only=True)
class Cut:
    """Which voxels a split gave to a new object. Kept whole, so that no later version can cut otherwise."""

    box: str
    """Voxels of the label that hold all of them, half-open."""
    voxels: str
    """Of ``box`` ``(z, y, x)``, a bit each: packed, compressed by zlib, base64."""
    halves: tuple[Half, Half]
    """What keeps the id, and the new object."""

    @classmethod
    def of(cls, mask: npt.NDArray[np.bool_], box: Box, halves: tuple[Half, Half]) -> Cut:
        """Keep ``mask`` ``(z, y, x)``, the voxels of ``box`` that go to the new object."""
        bits = zlib.compress(np.packbits(mask).tobytes())
        return cls(box=str(box), voxels=base64.b64encode(bits).decode(), halves=halves)

    @property
    def place(self) -> Box:
        """`box`."""
        return Box.parse(self.box)

    def mask(self) -> npt.NDArray[np.bool_]:
        """Of `place` ``(z, y, x)``: what goes to the new object."""
        place = self.place
        bits = np.frombuffer(zlib.decompress(base64.b64decode(self.voxels)), np.uint8)
        return np.unpackbits(bits, count=place.size).astype(np.bool_).reshape(place.shape)


@attrs.frozen(kw_only=True)
class Operation:
    """One line of the log."""

    number: int
    """Of the line, from 1."""
    time: str
    """Local, with its zone."""
    user: str
    operation: str
    label: str
    """Fingerprint of the label that it was done on, before any operation."""
    ids: tuple[int, ...] = ()
    """Of a split: what was cut, and the new object."""
    objects: tuple[Sketch, ...] = ()
    """Of each id that was there before."""
    points: tuple[tuple[int, int, int], ...] = ()
    """Of a split: the two voxels that were set apart."""
    points_nm: tuple[FloatTriple, ...] = ()
    """The same, centres in the frame of the acquisition."""
    category: str | None = None
    cut: Cut | None = None
    undoes: int | None = None
    """Number of the operation that is undone."""
    replays: str | None = None
    """Of an operation that was carried over: label and number, ``fingerprint/number``; of a replay, the label."""
    source: str | None = None
    """Of a replay: the log that was read."""

    def __str__(self) -> str:
        return f"{self.number}: {self.told} ({self.user}, {self.time})"

    @property
    def told(self) -> str:
        """In words."""
        names = " ".join(map(str, self.ids))
        if self.operation == SPLIT:
            return f"split {self.ids[0]}: part of it is {self.ids[1]}"
        if self.operation == RECATEGORISE:
            return f"recategorise {names} as {self.category}"
        if self.operation == UNDO:
            return f"undo {self.undoes}"
        if self.operation == REPLAY:
            return f"replay {self.source}"
        return f"{self.operation} {names}"

    def to_line(self) -> str:
        """JSON in one line, without what is empty."""
        values = attrs.asdict(self, filter=lambda _, value: value not in (None, ()))
        return json.dumps(values, separators=(",", ":")) + "\n"


def read_line(values: Mapping[str, Any]) -> Operation:
    """What `Operation.to_line` wrote, parsed.

    Raises
    ------
    cattrs.BaseValidationError
        It is something else.
    """
    return _CONVERTER.structure(values, Operation)


_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
