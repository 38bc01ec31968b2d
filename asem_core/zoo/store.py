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
from asem_core.zoo.files import STATE_DICT_NAME
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.manifest import PACKAGE, check_files, file_digests, has_only_names, read_manifest
from asem_core.zoo.rdf import named_files, organelle_of, read_description

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
        Replace the package of that id where it is another one.

    Returns
    -------
    ModelSpec
        Its ``package`` is the folder in the store.

    Raises
    ------
    ModelError
        The zip is unsafe, a file is missing or is not the stated one, or the store has another package of that id.
    OutputError
        The store cannot be written, another process writes this model, or what is to be replaced holds files that no
        package of ASEM's has.

    Notes
    -----
    The package is unpacked and checked in the store and renamed at the end. The same package again is no error; where
    the stored one is damaged, it takes its place.
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
            there = destination.exists()
            if not there or overwrite or _is_damaged(destination, folder, spec):
                names = file_digests(folder)
                kind = attrs.evolve(PACKAGE, recognise=lambda stored: has_only_names(stored, names))
                with complete_or_absent(
                    destination, needed_bytes=0, overwrite=there, kind=kind, inputs=[source]
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


def check_version(version: str) -> str:
    """``version`` of a model, by which zoos know the newest; it becomes part of the name of a file.

    Raises
    ------
    ModelError
        It is none by PEP 440, or has an epoch.

    >>> check_version("1.10.0")
    '1.10.0'
    """
    from packaging.version import InvalidVersion, Version

    try:
        known = Version(version)
    except InvalidVersion:
        known = None
    if known is None or known.epoch or version != version.strip():
        raise ModelError(f"the version of a model must be one such as 1.0.0 or 2026.1 (PEP 440), got {version!r}")
    return version


def _is_damaged(destination: Path, package: Path, spec: ModelSpec) -> bool:
    """Whether ``destination`` holds ``package`` with damage, rather than unharmed.

    Raises
    ------
    ModelError
        It holds another package than that.
    """
    wanted, found = file_digests(package), file_digests(destination)
    other = {name for name, sha256 in wanted.items() if found.get(name) != sha256}
    if STATE_DICT_NAME not in found:  # both a package with it and one without are whole
        other -= {STATE_DICT_NAME}
    try:
        stated = {file.name: file.sha256 for file in named_files(read_description(destination))}
        if all(wanted[name] == stated.get(name) for name in other):
            if other:
                log.warning("%s was damaged (%s): it is replaced", destination, ", ".join(sorted(other)))
            return bool(other)
        there = read_manifest(destination)
    except ModelError as error:
        raise ModelError(f"{error}; use --overwrite to replace it") from None
    raise ModelError(
        f"{destination} holds {there.id} {there.version}, which differs from this {spec.version} in "
        f"{', '.join(sorted(other))}: use --overwrite to replace it"
    )
