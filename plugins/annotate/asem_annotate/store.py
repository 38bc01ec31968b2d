"""Prepared volumes beside the seeds: kept under a digest of all that they were made from.

::

    seeds.zarr
    seeds.zarr.prepared/
        3f2a90c1d4e85b77.npz      other settings, another volume or ROI: another name

Beside the outermost Zarr, where seeds lie in one: nothing is written into what is read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from asem_annotate.prepared import Prepared

log = logging.getLogger(__name__)

VERSION = "2"
"""Changes whenever `asem_annotate.prepared.prepare` gives other numbers, or the file another form."""
_MADE_FROM = "made_from"
_DIGITS = 16
_OF_GROUPS = (".zgroup", "zarr.json", "attributes.json")


def prepared_path(seeds: str, made_from: Mapping[str, Any]) -> Path:
    """Where the volume that was prepared from ``made_from`` (JSON types) lies beside the local ``seeds``.

    >>> prepared_path("/data/seeds.tif", {}).parent.name
    'seeds.tif.prepared'
    """
    key = hashlib.sha256(_told(_versioned(made_from)).encode()).hexdigest()[:_DIGITS]
    return Path(f"{_container(Path(seeds))}.prepared") / f"{key}.npz"


def load_prepared(path: Path, made_from: Mapping[str, Any]) -> Prepared | None:
    """What `save_prepared` wrote; None where there is none, it was made from something else, or is damaged."""
    values = load_arrays(path, _versioned(made_from), names=[field.name for field in attrs.fields(Prepared)])
    if values is None:
        return None
    places = {name: tuple(values[name].tolist()) for name in ("lattice", "side", "step")}
    return Prepared(**{**values, **places})


def save_prepared(path: Path, prepared: Prepared, made_from: Mapping[str, Any]) -> None:
    """Write ``prepared``, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {field.name: getattr(prepared, field.name) for field in attrs.fields(Prepared)}
    save_arrays(path, values, _versioned(made_from))


def load_arrays(path: Path, made_from: Mapping[str, Any], *, names: Sequence[str]) -> dict[str, Any] | None:
    """The arrays ``names`` that `save_arrays` wrote; None where they were made from something else, or are damaged."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            if str(file[_MADE_FROM]) != _told(made_from):
                return None
            return {name: file[name] for name in names}
    except Exception as error:  # damage makes zipfile, zlib and numpy raise whatever they like
        log.warning("%s is damaged (%s): it is made again", path, error)
        return None


def save_arrays(path: Path, values: Mapping[str, Any], made_from: Mapping[str, Any]) -> None:
    """Write arrays by name, all or none of them, with what they were ``made_from`` (JSON types)."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, **{**values, _MADE_FROM: _told(made_from)})
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _container(path: Path) -> Path:
    """The outermost Zarr or N5 that ``path`` lies in, or ``path`` itself."""
    while any((path.parent / name).is_file() for name in _OF_GROUPS):
        path = path.parent
    return path


def _versioned(made_from: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": VERSION, **made_from}


def _told(made_from: Mapping[str, Any]) -> str:
    return json.dumps(made_from, sort_keys=True)
