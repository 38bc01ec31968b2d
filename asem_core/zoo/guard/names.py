"""Names of files that a package gives: whether they lie inside the package."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from asem_core.errors import ModelError


def is_inside(name: str) -> bool:
    """Whether ``name`` is the relative path of a file below the folder that it is taken from, on every system.

    Examples
    --------
    >>> [is_inside(name) for name in ("a/b.npy", "../b.npy", "/b.npy", "C:/b.npy", "a\\\\b.npy")]
    [True, False, False, False, False]
    """
    parts = PurePosixPath(name).parts
    return bool(parts) and not re.search(r"[\\:\x00-\x1f]", name) and not name.startswith("/") and ".." not in parts


def is_remote(name: str) -> bool:
    """Whether ``name`` is a URL."""
    return "://" in name


def local_file(folder: Path, name: Any, place: str) -> Path:
    """The file ``name`` of a package in ``folder``; ``place`` says who names it.

    Raises
    ------
    ModelError
        It is a URL, leads out of the folder (by its name or by a link), or is not there.
    """
    if not isinstance(name, str) or is_remote(name):
        raise ModelError(f"{place}: {name!r} is not a file of the package; download it into {folder} and name it there")
    path = folder / name
    if not is_inside(name) or not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"{place}: {name!r} lies outside {folder}: get the package from a source that you trust")
    if not path.is_file():
        raise ModelError(f"{place}: {path} is missing: get the package again")
    return path
