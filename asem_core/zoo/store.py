"""Where pulled and imported models live: a folder of packages beside those that plugins bring.

::

    $ASEM_MODELS, or the user's data folder/
      mito-5nm/    rdf.yaml  model.json  weights.onnx  ...      one package, named by its id
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
import warnings
from pathlib import Path

import attrs

from asem_core.errors import ModelError, OutputError
from asem_core.home import data_folder, local_path
from asem_core.specs import ModelSpec
from asem_core.volume.output import check_room, complete_or_absent, explain_os
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.manifest import PACKAGE, check_files, read_manifest
from asem_core.zoo.rdf import organelle_of

log = logging.getLogger(__name__)

FOLDER_VARIABLE = "ASEM_MODELS"


def model_store() -> Path:
    """Folder of the pulled and imported models, which may not exist yet: ``$ASEM_MODELS``, else the user's data folder.

    Examples
    --------
    >>> os.environ["ASEM_MODELS"] = "/data/models"
    >>> str(model_store())
    '/data/models'
    """
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return local_path(chosen).absolute()
    return data_folder() / "models"


def install_package(source: Path, *, model_id: str | None = None, overwrite: bool = False) -> ModelSpec:
    """Copy a package into the store, as ``<store>/<id>/``: complete and checked, or absent.

    Parameters
    ----------
    source
        Folder or zip of a package that `asem zoo package`, `export` or `import` wrote.
    model_id
        The id that it must have, where one was asked for.
    overwrite
        Replace the model of that id.

    Returns
    -------
    ModelSpec
        Its ``package`` is the folder in the store.

    Raises
    ------
    ModelError
        The zip is unsafe, a file is missing or is not the stated one, or the store has another model of that id.
    OutputError
        The store cannot be written, another process writes this model, or what is to be replaced is not a package
        that ASEM wrote, and nothing else.

    Notes
    -----
    The package is unpacked and checked in the store and renamed at the end. The same weights again are no error.
    """
    from asem_core.zoo.guard.unpack import unpack_safely

    store = model_store()
    try:
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=store) as scratch:
            folder = Path(scratch) / "package"
            if source.is_dir():
                check_room(store, sum(path.stat().st_size for path in source.rglob("*")))
                shutil.copytree(source, folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                unpack_safely(source, folder)
            check_description(folder)
            spec = check_files(folder)
            organelle_of(folder)
            if model_id not in (None, spec.id):
                raise ModelError(f"{source} holds the model {spec.id!r}, expected {model_id!r}; it was not stored")
            destination = store / check_id(spec.id)
            if overwrite or not _is_there(destination, spec):
                with complete_or_absent(
                    destination, needed_bytes=0, overwrite=overwrite, kind=PACKAGE, inputs=[source]
                ) as partial:
                    folder.rename(partial)
    except OSError as error:
        raise explain_os(error, store) from error
    return read_manifest(store / spec.id)


def stored_models() -> tuple[tuple[str, ModelSpec], ...]:
    """Organelle and spec of every model in the store, by id; a broken one is skipped with a warning that names it."""
    found = []
    for folder in _stored_folders():
        try:
            found.append((organelle_of(folder), read_manifest(folder)))
        except ModelError as error:
            warnings.warn(f"the stored model {folder.name!r} is left out: {error}", stacklevel=2)
    return tuple(found)


def _stored_folders() -> list[Path]:
    """None where there is no store, or where nobody may look into it: a daemon's home folder, for example."""
    try:
        store = model_store()
        return sorted(store.glob("[!.]*/")) if store.is_dir() else []
    except (OSError, OutputError) as error:
        log.info("no stored models: %s", error)
        return []


def check_id(model_id: str) -> str:
    """``model_id``, which becomes the name of a folder.

    Raises
    ------
    ModelError
        It cannot be one.

    >>> check_id("mito-5nm")
    'mito-5nm'
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", model_id):
        raise ModelError(f"the id of a model must be letters, digits and ._- (at most 100), got {model_id!r}")
    return model_id


def _is_there(destination: Path, spec: ModelSpec) -> bool:
    """Whether the store has this model already."""
    if not destination.exists():
        return False
    there = read_manifest(destination)
    if attrs.evolve(there, package=spec.package) == spec:
        return True
    raise ModelError(
        f"{destination} holds {there.id} {there.version}, whose weights, voxel size or card differ from this "
        f"{spec.version}: use --overwrite to replace it"
    )
