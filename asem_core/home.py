"""The user's home folder: what ``~`` stands for."""

from __future__ import annotations

import os
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


def data_folder() -> Path:
    """Where this user's programs keep what they fetched, as the system has it.

    Raises
    ------
    OutputError
        Nobody says where the home folder is.
    """
    from platformdirs import user_data_path

    try:
        return local_path(user_data_path("asem"))  # where no home is known a ~ stays in it, in older versions
    except RuntimeError as error:
        raise OutputError(f"no home folder is known: {error}") from error


def local_path(path: str | Path) -> Path:
    """The file or folder that ``path`` names: as `expand`.

    >>> local_path("cell.zarr").name
    'cell.zarr'
    """
    return Path(expand(str(path)))
