"""What a graph costs, counted once: the next process finds it in the user's cache and need not open the graph."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import attrs
import importlib_metadata

from asem_core.errors import OutputError
from asem_core.home import cache_folder

_COUNTING = 1
"""Raised whenever the same graph is found to cost something else."""
_COUNTED_BY = ("onnx", "onnxruntime-gpu", "onnxruntime")
"""Whose versions a count depends on, where they are installed."""


def _sides(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


@attrs.frozen(kw_only=True)
class Cost:
    """Of one run."""

    flop: float = attrs.field(converter=float)
    """Floating-point operations (two for a multiplication and addition)."""
    live: int = attrs.field(converter=int)
    """Most values of tensors that are alive at once."""
    output: tuple[int, ...] = attrs.field(converter=_sides)
    """Shape of the graph's output; 0 where it is not known before a run."""


def counted(model: Path, shape: tuple[int, ...], rewrite: str | None, *, count: Callable[[], Cost]) -> Cost:
    """What ``count`` finds that ``model`` costs on ``shape``, now or earlier.

    Of a graph that the code of a plugin rewrites nothing is kept: what that makes of it may change.
    """
    if rewrite is not None and not rewrite.startswith("asem_core."):
        return count()
    try:
        kept = cache_folder() / "costs" / f"{_key(model, shape, rewrite)}.json"
        found = _read(kept)
    except (OSError, OutputError):  # no home that is known, or none that may be read
        return count()
    if found is None:
        found = count()
        with suppress(OSError):
            _write(kept, found)
    return found


def _key(model: Path, shape: tuple[int, ...], rewrite: str | None) -> str:
    with model.open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    versions = [_version(name) for name in _COUNTED_BY]
    return hashlib.sha256(json.dumps([_COUNTING, weights, shape, rewrite, versions]).encode()).hexdigest()


def _version(name: str) -> str | None:
    try:
        return importlib_metadata.version(name)
    except importlib_metadata.PackageNotFoundError:
        return None


def _read(kept: Path) -> Cost | None:
    """None: there is none, or it is damaged."""
    try:
        return Cost(**json.loads(kept.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write(kept: Path, cost: Cost) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps(attrs.asdict(cost)))
    partial.replace(kept)
