"""Writer of uncompressed TIFF sections and stacks that are filled in any order, so that wide sections fit in memory."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import OutputError
from asem_core.geometry import Box, FloatTriple, Triple, VoxelSize
from asem_core.volume.address import Location, on_disk
from asem_core.volume.formats.ome_write import FINGERPRINT, IMAGE, LevelBlock
from asem_core.volume.pieces import digests
from asem_core.volume.unfinished import MARK_FILE, Unfinished, unfinished_place

_CLASSIC_LIMIT = 2**32 - 2**25
"""Bytes of pixels up to which a classic TIFF (32-bit offsets) also has room for its headers."""


def is_own_tiff(path: Path) -> bool:
    """Whether ASEM wrote the TIFF file ``path``: its headers say where it lies in our words."""
    return (_described(path) or {}).keys() >= _PLACE


def _described(path: Path) -> Mapping[str, Any] | None:
    """What the description of the TIFF file ``path`` holds in JSON; None where there is no TIFF."""
    from tifffile import TiffFile

    try:
        with TiffFile(path) as tif:
            return (tif.shaped_metadata or ({},))[0]
    except Exception:  # tifffile raises many kinds on what is no TIFF
        return None


_PLACE = {"voxel_size_nm", "first_section"}
"""Our words in the description of a TIFF; nobody else's software writes them."""
_SECTION = re.compile(r"section_\d+\.tif")


def _run_of(path: Path) -> str | None:
    """The fingerprint of the run that wrote the TIFF file ``path``, empty where none did; None: absent or damaged."""
    try:
        with path.open("rb") as file:
            found = _RUN.search(file.read(_HEADER))
    except OSError:
        return None
    if found is not None:
        return found[1].decode()
    return None if _described(path) is None or is_own_tiff(path) else ""


_HEADER = 4096
"""Bytes of a file among which its description is."""
_RUN = re.compile(rb'"run": "([0-9a-f]{64})"')


@attrs.frozen(kw_only=True)
class TiffOutput:
    """Sections whose headers are on disk and whose pixels are still to come."""

    path: Path
    files: tuple[str, ...]
    """Relative to ``path``; a single one, ``.``, is a stack."""
    frame_of: _Frame
    """What every file holds beside pixels."""
    shape: Triple
    dtype: np.dtype[Any]

    def write(self, box: Box, found: Mapping[str, npt.NDArray[Any]]) -> dict[str, str]:
        """Write ``box``, which reaches from the first column to the last: what is under `IMAGE`.

        Returns
        -------
        dict
            The digest of the bytes that were written, per section.
        """
        if box.start[2] != 0 or box.stop[2] != self.shape[2]:
            raise ValueError(f"box {box} does not hold whole rows of {self.shape[2]} voxels")
        row = self.shape[2] * self.dtype.itemsize
        pieces = []
        for z, plane in zip(range(box.start[0], box.stop[0]), found[IMAGE], strict=True):
            name, pixels = self._pixels_of(z)
            start, stop = (pixels + y * row for y in (box.start[1], box.stop[1]))
            with (self.path / name).open("r+b") as file:
                file.seek(start)
                file.write(np.ascontiguousarray(plane, self.dtype).data)
            pieces.append(f"{name}@{start}:{stop}")
        return digests(self.path, pieces)

    def pyramid(self) -> list[list[LevelBlock]]:
        """None: TIFF has no levels."""
        return []

    def reduce(self, block: LevelBlock) -> dict[str, str]:
        """Nothing, see `pyramid`."""
        return {}

    def frame(self) -> dict[str, str]:
        """Digests of the headers."""
        spans = self.frame_of.spans
        return digests(self.path, [f"{name}@{a}:{b}" for name in self.files for a, b in spans if a < b])

    def _pixels_of(self, z: int) -> tuple[str, int]:
        """File of section ``z``, and offset of its first pixel."""
        if len(self.files) == self.shape[0]:
            return self.files[z], self.frame_of.pixels
        return self.files[0], self.frame_of.pixels + z * self.shape[1] * self.shape[2] * self.dtype.itemsize


@attrs.frozen(kw_only=True)
class TiffPlan:
    """A folder of TIFF sections ``section_0000.tif``, or one TIFF with a page per section, that is to be made."""

    shape: Triple
    dtype: np.dtype[Any] = attrs.field(converter=np.dtype)
    stack: bool
    first: int
    """Number of the first section in the acquisition."""
    voxel_size: VoxelSize
    lower_edge_nm: FloatTriple | None
    """None: not stated."""

    @property
    def bytes(self) -> int:
        """What it takes on disk."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def settings(self) -> dict[str, Any]:
        """What its files depend on; JSON types."""
        return {
            "tiff": "stack" if self.stack else "sections", "shape": list(self.shape), "dtype": str(self.dtype),
            "first_section": self.first, "voxel_size_nm": list(self.voxel_size.zyx),
            "lower_edge_nm": self.lower_edge_nm and list(self.lower_edge_nm),
        }  # fmt: skip

    def place(self, destination: Location) -> Path:
        """Where it is written: under a hidden name until it is whole, since TIFF cannot say that it is not."""
        return unfinished_place(on_disk(destination))

    def create(self, path: Path, *, provenance: Mapping[str, Any]) -> TiffOutput:
        """Write all headers and leave room for the pixels; of ``provenance`` TIFF holds the fingerprint."""
        if not self.stack:
            path.mkdir()
        return self.open(path, provenance=provenance)

    def run_of(self, path: Location) -> str | None:
        """The fingerprint of the run that made all files of ``path``; empty: other files too; None: none is legible."""
        path = on_disk(path)
        if not path.is_dir():
            return _run_of(path)
        files = [child for child in path.iterdir() if child.name != MARK_FILE]
        runs = {_run_of(file) if _SECTION.fullmatch(file.name) else "" for file in files} - {None}
        return runs.pop() if len(runs) == 1 else "" if runs else None

    def mark(self, path: Location, mark: Unfinished) -> None:
        """See `asem_core.volume.unfinished`; a stack is not read under its hidden name."""
        if not self.stack:
            (on_disk(path) / MARK_FILE).write_text(json.dumps(mark.mark))

    def unmark(self, path: Location) -> None:
        """Take the mark away."""
        if not self.stack:
            (on_disk(path) / MARK_FILE).unlink(missing_ok=True)

    def open(self, path: Location, *, provenance: Mapping[str, Any], mend: bool = True) -> TiffOutput:
        """What `create` made; with ``mend``, files that were lost, cut or have another header are made anew."""
        path = on_disk(path)
        frame = self._frame(str(provenance.get(FINGERPRINT, "")))
        names = self._names()
        for name in names if mend else ():
            file = path / name
            try:
                frame.restore(file)
            except OSError as error:
                raise OutputError(f"{file}: cannot be written: {error.strerror or error}") from error
        return TiffOutput(path=path, files=names, frame_of=frame, shape=self.shape, dtype=self.dtype)

    @property
    def _pixels(self) -> int:
        """Bytes of the pixels of one file."""
        return self.bytes if self.stack else self.bytes // self.shape[0]

    def _names(self) -> tuple[str, ...]:
        if self.stack:
            return (".",)
        digits = max(4, len(str(self.first + self.shape[0] - 1)))
        return tuple(f"section_{self.first + z:0{digits}d}.tif" for z in range(self.shape[0]))

    def _frame(self, run: str) -> _Frame:
        """What tifffile writes around the pixels of a file of the run with that fingerprint."""
        from tifffile import TiffWriter

        z, y, x = self.voxel_size.zyx
        place = {
            "voxel_size_nm": [z, y, x], "first_section": self.first, "spacing": z, "unit": "nm", "run": run,
            **({} if self.lower_edge_nm is None else {"lower_edge_nm": list(self.lower_edge_nm)}),
        }  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="asem-") as folder:
            path = Path(folder) / "frame.tif"  # where the pixels would be, it is a hole that takes no disk
            with TiffWriter(path, bigtiff=self._pixels > _CLASSIC_LIMIT) as tif:
                written = tif.write(
                    shape=self.shape if self.stack else self.shape[1:],
                    dtype=self.dtype,
                    photometric="minisblack",
                    metadata=place,
                    resolution=(1e7 / x, 1e7 / y),
                    resolutionunit="CENTIMETER",
                    returnoffset=True,
                )
            if written is None:
                raise OutputError("the pixels of a TIFF do not lie in one piece")
            with path.open("rb") as file:
                before = file.read(written[0])
                file.seek(written[0] + self._pixels)
                return _Frame(before=before, pixel_bytes=self._pixels, behind=file.read())


@attrs.frozen(kw_only=True)
class _Frame:
    """A TIFF file without its pixels: headers lie before them, and in a stack behind them too."""

    before: bytes
    pixel_bytes: int
    behind: bytes

    @property
    def pixels(self) -> int:
        """Offset of the first pixel."""
        return len(self.before)

    @property
    def spans(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and last byte, exclusive, of the two parts."""
        end = self.pixels + self.pixel_bytes
        return (0, self.pixels), (end, end + len(self.behind))

    def restore(self, path: Path) -> None:
        """Make ``path`` a file of the right size with these headers; pixels that are there stay."""
        with path.open("r+b" if path.exists() else "w+b") as file:
            for (start, stop), wanted in zip(self.spans, (self.before, self.behind), strict=True):
                file.seek(start)
                if file.read(stop - start) != wanted:
                    file.seek(start)
                    file.write(wanted)
            file.truncate(self.spans[1][1])
