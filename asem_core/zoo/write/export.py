"""A package as the zip that every bioimage.io tool opens."""

from __future__ import annotations

import logging
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from asem_core.errors import OutputError
from asem_core.volume.output import Input, Replaceable, check_destination, complete_or_absent
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.manifest import MANIFEST
from asem_core.zoo.whole import whole
from asem_core.zoo.write.origin import in_words
from asem_core.zoo.write.stages import left_out

log = logging.getLogger(__name__)

_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every file, the earliest that a zip can state: the time of writing must not change the sha256."""
_MODE = 0o100644 << 16
_MARK = b"asem zoo export"
"""Comment of the zip: by it we know our own."""


def export_zip(folder: Path, destination: Path, *, inputs: Iterable[Input] = (), overwrite: bool = False) -> Path:
    """Write the package in ``folder`` as a zip: complete or absent, and the same bytes for the same package.

    Where the model needs stages that bioimage.io has no words for, a warning says so: `asem segment` runs them from
    this zip too, other tools do not.

    Parameters
    ----------
    folder
        An unpacked bioimage.io model; it is checked first.
    destination
        File that ends in ``.zip``.
    inputs
        What was read beside the folder, such as the zip that it was unpacked from, and must not be touched.
    overwrite
        Replace a zip that this function wrote.

    Returns
    -------
    Path
        The zip.

    Raises
    ------
    ModelError
        A file of the package is missing or is not the stated one; the PyTorch weights may be missing
        (`asem_core.zoo.whole`).
    OutputError
        The name does not end in ``.zip``, or it exists, lies in the package, or cannot be written.

    Examples
    --------
    >>> export_zip(Path("models/mito_10nm"), Path("mito-10nm.zip"))  # doctest: +SKIP
    """
    if destination.suffix.lower() != ".zip":
        raise OutputError(f"{destination}: a package is exported as a zip; name it NAME.zip")
    check_description(folder)
    missing = in_words(left_out(folder)) if (folder / MANIFEST).is_file() else ""
    if missing:
        log.warning(
            "%s: other tools do not run %s, without which the model sees other images than it was trained on: give "
            "them what `asem preprocess` makes with these stages (`asem segment --model %s` runs them by itself)",
            destination,
            missing,
            destination,
        )
    inputs = (folder, *inputs)
    kind = Replaceable(name="a model's zip", recognise=_is_own_zip)
    destination = check_destination(destination, overwrite=overwrite, kind=kind, inputs=inputs)
    with whole(folder) as package:
        needed = sum(path.stat().st_size for path in _files(package))
        with (
            complete_or_absent(
                destination, needed_bytes=needed, overwrite=overwrite, kind=kind, inputs=inputs
            ) as partial,
            partial.open("wb") as file,
        ):
            write_zip(package, file)
    return destination


def write_zip(folder: Path, file: BinaryIO) -> None:
    """Write the files of ``folder`` as a zip, in the order of their names; hidden files and caches are left out."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = _MARK
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _TIME)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, _MODE, 3
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 2**20)


def _files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    kept = [p for p in found if not any(part.startswith((".", "__pycache__")) for part in p.relative_to(folder).parts)]
    return sorted(kept, key=lambda path: path.relative_to(folder).as_posix())


def _is_own_zip(path: Path) -> bool:
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return archive.comment == _MARK
