"""What ASEM wrote into a folder, file by file, in a hidden file of that folder.

By it `asem_core.volume.output.Replaceable` tells whether a folder is wholly ASEM's: a file that somebody added or
edited is in no such record, so it is never removed with the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

RECORD = ".asem-contents.json"
_LEFTOVER = re.compile(r"\..*\.(partial|lock)")


def record_contents(folder: Path, *, made_by: str) -> None:
    """Note that the command ``made_by`` wrote all files that ``folder`` now holds."""
    files = {path.relative_to(folder).as_posix(): _sha256(path) for path in _files(folder)}
    _write(folder, {"made_by": made_by, "files": files})


def add_to_contents(path: Path) -> None:
    """Note that ASEM wrote the file or folder ``path`` too, where the folder that it is in has such a record."""
    folder = path.parent
    found = _read(folder)
    if found is not None:
        new = {file.relative_to(folder).as_posix(): _sha256(file)
               for file in _files(folder) if path in (file, *file.parents)}  # fmt: skip
        _write(folder, {"made_by": found.get("made_by"), "files": {**_stated(found), **new}})


def maker_of(folder: Path) -> str | None:
    """The command that wrote ``folder``, whatever was done with it since; None: there is no such record."""
    found = _read(folder)
    return None if found is None else str(found.get("made_by"))


def is_as_written(folder: Path, *, made_by: str) -> bool:
    """Whether ``folder`` holds what the command ``made_by`` wrote into it, unchanged, and nothing else."""
    found = _read(folder)
    if found is None or found.get("made_by") != made_by:
        return False
    stated = _stated(found)
    files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    return files.keys() <= stated.keys() and all(_sha256(path) == stated[name] for name, path in files.items())


def _files(folder: Path) -> list[Path]:
    """Everything in ``folder`` that is no folder, links included; not the record, nor what a kill left half written."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return sorted(path for path in found if path != folder / RECORD and not _LEFTOVER.fullmatch(path.name))


def _read(folder: Path) -> Mapping[str, object] | None:
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, Mapping) else None


def _stated(record: Mapping[str, object]) -> dict[str, str]:
    files = record.get("files")
    return {str(name): str(digest) for name, digest in files.items()} if isinstance(files, Mapping) else {}


def _write(folder: Path, values: Mapping[str, object]) -> None:
    partial = folder / f"{RECORD}.partial"
    partial.write_text(json.dumps(values, indent=2), encoding="utf-8")
    os.replace(partial, folder / RECORD)


def _sha256(path: Path) -> str:
    """Of a link that leads nowhere: nothing that was ever written."""
    if path.is_symlink():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
