"""``simulated://CELL/PART``: a part of a named cell as an OME-Zarr that is drawn while it is read.

It is a file system of fsspec, so whatever opens a Zarr by its URL reads it: every verb of `asem`, zarr, dask, napari.
What was drawn once lies in a temporary folder until the process ends.
"""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

import importlib_metadata
from fsspec import AbstractFileSystem, register_implementation
from upath import UPath

from asem_core.errors import AsemError
from asem_core.geometry import Box, VoxelSize, triple
from asem_dataset_simulated.cell.draw import IMAGE, TILE, View, render_cell
from asem_dataset_simulated.cell.named import find_cell
from asem_dataset_simulated.cell.write import create_zarr
from asem_dataset_simulated.datasets import SCHEME, VOXEL_NM
from asem_dataset_simulated.simulate import WHOLE, Request, find_window

_CHUNK = re.compile(r"(?:labels/\w+/)?0/(\d+)/(\d+)/(\d+)")
_METADATA = re.compile(r"\.z\w+|\w+\.json")


class SimulatedPath(UPath):
    """``simulated://CELL/PART/...`` as a path."""


class SimulatedFileSystem(AbstractFileSystem):  # type: ignore[misc,unused-ignore]
    """``simulated://CELL/PART``: voxels of 10 nm; ``PART@5`` or ``PART@8,4,4``: of others (z, y, x in nm).

    Examples
    --------
    >>> SimulatedFileSystem().ls("simulated://cf-3/evaluation", detail=False)[:3]
    ['cf-3/evaluation/.zattrs', 'cf-3/evaluation/.zgroup', 'cf-3/evaluation/0']
    """

    protocol = SCHEME

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._parts: dict[str, _Part] = {}
        self._lock = RLock()

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """The bytes of a file; a chunk is drawn first."""
        with self._lock:
            part, key = self._find(path)
            part.draw(key)
            return (part.folder / key).read_bytes()[start:end]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What there is at ``path``; chunks that are not drawn yet are not told from those that are."""
        with self._lock:
            part, key = self._find(path)
            file = part.folder / key
            if not file.is_dir() and part.tile(key) is None and not file.exists():
                raise FileNotFoundError(path)
            kind = "directory" if file.is_dir() else "file"
        return {"name": self._strip_protocol(path), "type": kind, "size": None, "ETag": part.version}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """Metadata files and folders in the folder ``path``."""
        with self._lock:
            part, key = self._find(path)
            root = str(self._strip_protocol(path))
            names = [f"{root}/{child.name}" for child in sorted((part.folder / key).iterdir())]
        return [self.info(name) for name in names] if detail else names

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        from io import BytesIO

        if mode != "rb":
            raise OSError(f"{path}: a simulated cell is read only")
        return BytesIO(self.cat_file(path))

    def _find(self, path: str) -> tuple[_Part, str]:
        cell, name, *rest = [*str(self._strip_protocol(path)).split("/"), ""]
        if not name or _METADATA.fullmatch(name):
            parts = ", ".join([*find_cell(cell).parts, WHOLE])
            raise AsemError(f"{SCHEME}://{cell} has parts: name one, {SCHEME}://{cell}/PART; there are: {parts}")
        address = f"{cell}/{name}"
        if address not in self._parts:
            self._parts[address] = _Part(cell, name)
        return self._parts[address], "/".join(rest).rstrip("/")


# upath warns of a scheme whose class fsspec knows by its entry point only.
register_implementation(SCHEME, SimulatedFileSystem, clobber=True)


class _Part:
    """A part of a cell, and the folder of the OME-Zarr of which some chunks are drawn."""

    def __init__(self, cell: str, name: str) -> None:
        find_cell(cell)
        part, _, size = name.partition("@")
        voxel_size = VoxelSize.parse(size or f"{VOXEL_NM}")
        self._window = find_window(Request(preset=cell, part=part, voxel_size=voxel_size))
        home = tempfile.mkdtemp(prefix="asem-simulated-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        self.folder = Path(home) / f"{cell}-{part}.zarr"
        self.version = importlib_metadata.version("asem-dataset-simulated")
        self._output = create_zarr(self.folder, self._window, chunk=(TILE, TILE, TILE), pyramid=False)

    @cached_property
    def _view(self) -> View:
        return self._window.view()

    def tile(self, key: str) -> Box | None:
        """The voxels of the chunk that the file ``key`` holds; None where it holds none."""
        found = _CHUNK.fullmatch(key)
        if found is None:
            return None
        start = triple([int(number) * TILE for number in found.groups()])
        tile = Box(start, [n + TILE for n in start]).intersect(Box.of_shape(self._window.shape))
        return tile if tile.size else None

    def draw(self, key: str) -> None:
        """Draw the tile of the chunk ``key`` into image and labels, unless that was done."""
        tile = self.tile(key)
        if tile is None or (self.folder / key).exists():
            return
        drawn = render_cell(self._view, tile)
        for name, array in {**self._output.labels, IMAGE: self._output.image}.items():
            array[tile.slices] = drawn[name]
