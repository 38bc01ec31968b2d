"""What a reader must do: know its files, read any part of them as the whole, and no more than is asked for."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import psutil

from asem_core.geometry import Box, FloatTriple
from asem_core.registry import Registry, resolve
from asem_core.specs import ReaderSpec
from asem_core.testing.check import Check, NotChecked, in_turn
from asem_core.testing.samples import differing
from asem_core.volume.address import is_remote
from asem_core.volume.opening import as_volume, open_volume
from asem_core.volume.volume import Volume

_BOXES = 12
_ANY_SIZE_NM = (8.0, 4.0, 4.0)
_LEAST_BYTES = 2**20
"""Of smaller samples the headers alone may be half."""


@attrs.frozen(kw_only=True, eq=False)
class Sample:
    """A file of a reader, and what it holds as far as that is known."""

    uri: str
    voxels: npt.NDArray[Any] | None = None
    """``(z, y, x)``; None: not known, so that only the parts are held against the whole."""
    voxel_size_nm: FloatTriple | None = None
    """None: not known, or not stated by the file, which then is opened as with ``--voxel-size``."""
    lower_edge_nm: FloatTriple | None = None


def reader_checks(spec: ReaderSpec, *, sample: Callable[[Path], Sample] | None, registry: Registry) -> Iterator[Check]:
    """The checks of a reader.

    Parameters
    ----------
    sample
        Writes a file of the format into a folder, 1 MB or more of it so that laziness shows; None: there is none.
    registry
        In which the reader is.
    """
    of = partial(Check, subject=f"reader {spec.name!r}")
    yield of(name="leaves what is not its own", find=partial(_leaves, spec))
    if sample is None:
        yield of(name="on a volume", find=_no_sample)
        return
    on = {
        "is the only one that accepts its sample": _alone,
        "any part as the whole": _parts,
        "voxels, size and place": _truth,
        "the same twice": _twice,
        "reads what is asked for": _lazy,
        "closes its files": _closes,
    }
    yield from in_turn(of(name=name, find=partial(_on, find, spec, sample, registry)) for name, find in on.items())


def _leaves(spec: ReaderSpec) -> Iterator[str]:
    for uri in ("/nowhere/at all", "/nowhere/a.tif", "/nowhere/a.zarr"):
        found = resolve(spec.accepts)(uri)
        if found is not False:
            yield f"{spec.accepts} gives {found!r} for {uri}, where nothing is: return False for what it does not know"


def _no_sample() -> Iterator[str]:
    raise NotChecked("no sample: give `asem plugins check --volume URI`, or samples of a PluginContract")


def _on(
    find: Callable[[ReaderSpec, Sample, Registry], Iterator[str]],
    spec: ReaderSpec,
    sample: Callable[[Path], Sample],
    registry: Registry,
) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield from find(spec, sample(Path(folder)), registry)


def _alone(spec: ReaderSpec, sample: Sample, registry: Registry) -> Iterator[str]:
    for name, other in registry.readers.items():
        if resolve(other.accepts)(sample.uri) is not (name == spec.name):
            does = "does not accept" if name == spec.name else "accepts"
            yield f"the reader {name} {does} {sample.uri}: let `accepts` look at names and markers that tell them apart"


def _opened(sample: Sample, registry: Registry) -> Volume:
    if sample.voxel_size_nm is not None:
        return open_volume(sample.uri, registry=registry)
    return as_volume(sample.uri, registry=registry, voxel_size=_ANY_SIZE_NM, only_if_unstated=True)


def _parts(spec: ReaderSpec, sample: Sample, registry: Registry) -> Iterator[str]:
    volume = _opened(sample, registry)
    whole = volume.read(volume.box)
    rng = np.random.default_rng(0)
    for _ in range(_BOXES):
        ends = np.sort(rng.integers(0, np.add(volume.shape, 1), (2, 3)), axis=0)
        box = Box(np.minimum(ends[0], np.subtract(volume.shape, 1)).tolist(), np.maximum(ends[1], ends[0] + 1).tolist())
        box = box.intersect(volume.box)
        found = volume.read(box)
        if (found.shape, found.dtype) != (box.shape, whole.dtype):
            yield f"box {box} is {found.dtype} {found.shape}, expected {whole.dtype} {box.shape}"
            return
        if said := differing(found, whole[box.slices]):
            yield f"box {box} is not that part of the whole: {said}"
            return


def _truth(spec: ReaderSpec, sample: Sample, registry: Registry) -> Iterator[str]:
    volume = _opened(sample, registry)
    if sample.voxels is not None:
        if volume.shape != sample.voxels.shape or volume.dtype != sample.voxels.dtype:
            got, wanted = f"{volume.dtype} {volume.shape}", f"{sample.voxels.dtype} {sample.voxels.shape}"
            yield f"it gives {got}, the sample holds {wanted} (z,y,x): state the axes (asem_core.volume.Stated)"
        elif said := differing(volume.read(volume.box), sample.voxels):
            yield f"other voxels than the sample holds: {said}"
    for what, found, known in (
        ("voxel size", volume.voxel_size.zyx, sample.voxel_size_nm),
        ("lower edge", volume.lower_edge_nm, sample.lower_edge_nm),
    ):
        if known is not None and not np.allclose(found, known):
            yield f"it gives a {what} of {found} nm, the sample has {tuple(known)} (z,y,x): state value, unit and axes"


def _twice(spec: ReaderSpec, sample: Sample, registry: Registry) -> Iterator[str]:
    opened = resolve(spec.open)
    first, second = (opened(sample.uri).digest for _ in range(2))
    if first != second or not first:
        yield f"its digest is {first!r}, then {second!r}, of one file: make it of names, sizes, times and metadata"


def _lazy(spec: ReaderSpec, sample: Sample, registry: Registry) -> Iterator[str]:
    stored = _bytes_on_disk(_stored(sample))
    if stored < _LEAST_BYTES or not hasattr(psutil.Process(), "io_counters"):
        raise NotChecked(f"the sample has {stored:,} bytes; laziness shows on Linux, from {_LEAST_BYTES:,} on")
    _opened(sample, registry)  # imports what it needs
    before = _bytes_read()
    volume = _opened(sample, registry)
    opening = _bytes_read() - before
    volume.read(Box((0, 0, 0), (1, 1, 1)))
    first = _bytes_read() - before - opening
    for what, read in (("opening it", opening), ("one voxel of it", first)):
        if read > stored / 2:
            yield f"{what} reads {read:,} of {stored:,} bytes: read in __getitem__, and only the part that is asked for"


def _closes(spec: ReaderSpec, sample: Sample, registry: Registry) -> Iterator[str]:
    volume = _opened(sample, registry)
    volume.read(Box((0, 0, 0), (1, 1, 1)))
    del volume
    gc.collect()
    place = _stored(sample)
    left = [file.path for file in psutil.Process().open_files() if Path(file.path).is_relative_to(place)]
    if left:
        yield f"{left[0]} stays open after the volume is gone: open files with `with`, for every read"


def _stored(sample: Sample) -> Path:
    """The file or folder of ``sample``, whose address may go on inside of it, as ``cell.h5/raw`` does."""
    path = Path(sample.uri).resolve()
    return path if is_remote(sample.uri) else next(each for each in (path, *path.parents) if each.exists())


def _bytes_read() -> int:
    return int(psutil.Process().io_counters().read_chars)


def _bytes_on_disk(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
