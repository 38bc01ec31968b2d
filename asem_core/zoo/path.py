"""A model that is given as a path: a package of ours or of others, folder or zip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asem_core.errors import ModelError
from asem_core.registry import Registry
from asem_core.zoo.catalogue import package_of
from asem_core.zoo.files import ONNX_NAME
from asem_core.zoo.manifest import MANIFEST, check_files
from asem_core.zoo.onnx_file import check_onnx
from asem_core.zoo.package import Package
from asem_core.zoo.rdf import read_description
from asem_core.zoo.store import organelle_of


@contextmanager
def at_hand(model: str | Path | None, *, registry: Registry) -> Iterator[str | Path | None]:
    """``model`` as an id (or None), or, where it is a path, the folder of the package; a zip is unpacked for as long.

    A word without slashes that does not end in ``.zip`` is an id.

    Raises
    ------
    ModelError
        There is no such package, or the zip is unsafe.
    """
    if not isinstance(model, Path) and not is_path(model or ""):
        yield model
        return
    with package_of(str(model), registry=registry) as folder:
        yield folder


def is_path(model: str) -> bool:
    """Whether ``model`` is meant as a path.

    >>> [is_path(model) for model in ("mito-10nm", "./mito", "mito.zip")]
    [False, True, True]
    """
    return "/" in model or os.sep in model or model.endswith(".zip")


def is_own(folder: Path) -> bool:
    """Whether the package in ``folder``, which `check_description` has accepted, was written by ASEM."""
    config = read_description(folder).get("config")
    return isinstance(config, dict) and "asem" in config and (folder / MANIFEST).is_file()


def open_folder(folder: Path, *, organelle: str) -> Package:
    """Open a package that ASEM wrote.

    Raises
    ------
    ModelError
        The weights are not the stated ones or not sound, or find another organelle.
    """
    spec = check_files(folder)
    check_onnx(folder / ONNX_NAME)
    if (found := organelle_of(folder)) != organelle:
        raise ModelError(f"{folder}: the model {spec.id!r} finds {found}, not {organelle}: give --organelle {found}")
    return Package(spec=spec, folder=folder, onnx=folder / ONNX_NAME)
