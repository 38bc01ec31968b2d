"""Readers as a plugin would write them: of ``.toy``, JSON with the voxels and what is said of them; and wrong ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from asem_core.errors import VolumeError
from asem_core.volume import Lengths, Source, Stated


def write(path: Path, voxels: Any, **said: Any) -> Path:
    path.write_text(json.dumps({"voxels": np.asarray(voxels).tolist(), **said}))
    return path


def accepts(uri: str) -> bool:
    return uri.endswith(".toy")


def open_toy(uri: str) -> Source:
    """States facts and decides nothing: numbers, unit and names of axes as they stand there."""
    found = json.loads(Path(uri).read_text())
    if "voxels" not in found:
        raise VolumeError(f"{uri}: it holds no voxels")
    array = np.array(found["voxels"], np.uint8)
    size = Lengths(values=found.get("size"), units=found.get("unit"), where="'size'")
    edge = Lengths(values=found.get("edge"), units=found.get("unit"), where="'edge'")
    return Source(
        array=array,
        stated=Stated(axes=found.get("axes"), size=size, edge=edge if "edge" in found else None),
        chunks=array.shape,
        digest="1",
    )


def gives_an_array(uri: str) -> Any:
    return np.zeros((2, 2, 2))


def crashes(uri: str) -> Source:
    raise IndexError("header too short")
