"""The user's home folder: what ``~`` stands for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from asem_core.errors import OutputError

__all__ = ["expand", "local_path"]


def expand(path: str) -> str:
    """``path`` with a leading ``~`` or ``~user`` replaced by that home folder; URLs and unknown users stay.

    Raises
    ------
    OutputError
        Nobody says where the home folder is.

    Examples
    --------
    >>> os.environ["HOME"] = "/home/ada"
    >>> expand("~/cell.zarr")
    '/home/ada/cell.zarr'
    >>> expand("s3://bucket/~/cell.zarr")
    's3://bucket/~/cell.zarr'
    """
    expanded = os.path.expanduser(path)
    if expanded == "~" or expanded.startswith(("~/", "~" + os.sep)):
        raise OutputError(f"{path}: no home folder is known for ~; set HOME, or write the path out")
    return expanded


def cache_folder() -> Path:
    """Where this user's programs keep what can be found out again, as the system has it; or ``$ASEM_CACHE``.

    Raises
    ------
    OutputError
        Nobody says where the home folder is.
    """
    from platformdirs import user_cache_path

    named = os.environ.get("ASEM_CACHE")
    return local_path(named) if named else _known(user_cache_path)


def data_folder() -> Path:
    """Where this user's programs keep what they fetched, as the system has it.

    Raises
    ------
    OutputError
        Nobody says where the home folder is.
    """
    from platformdirs import user_data_path

    return _known(user_data_path)


def _known(place: Callable[[str], Path]) -> Path:
    try:
        return local_path(place("asem"))  # where no home is known a ~ stays in it, in older versions
    except RuntimeError as error:
        raise OutputError(f"no home folder is known: {error}") from error


def local_path(path: str | Path) -> Path:
    """The file or folder that ``path`` names: as `expand`.

    >>> local_path("cell.zarr").name
    'cell.zarr'
    """
    return Path(expand(str(path)))
