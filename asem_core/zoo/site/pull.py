"""A model from a zoo into the store of this machine, or for one run.

::

    ZOO/collection.json  --entry of the id-->  its zip  --resumable download, sha256-->  check, store
"""

from __future__ import annotations

import re
from pathlib import Path

from asem_core.errors import ModelError
from asem_core.progress import Progress, silent
from asem_core.specs import ModelSpec
from asem_core.volume.address import absolute, locate
from asem_core.volume.output import held
from asem_core.zoo.download import download
from asem_core.zoo.files import file_sha256
from asem_core.zoo.site.collection import MODELS, Offered, find_offered
from asem_core.zoo.store import check_id, install_package, model_store

DOWNLOADS = ".downloads"
"""Folder of the store in which zips arrive; what came of an interrupted download waits there."""


def pull(model_id: str, site: str, *, overwrite: bool = False, progress: Progress = silent) -> ModelSpec:
    """Fetch the model ``model_id`` from the zoo ``site`` into the store; a download that was stopped goes on.

    Parameters
    ----------
    model_id
        As the zoo lists it, of which the highest version is taken, or ``ID@VERSION``.
    site
        Address or folder of a zoo.
    overwrite
        Replace the stored model of that id.

    Raises
    ------
    ModelError
        The zoo has no such model, cannot be reached, or what it sends is not what it states.
    OutputError
        The store cannot be written, or another process fetches the same model.

    Examples
    --------
    >>> pull("mito-10nm", "https://models.example.org/asem")  # doctest: +SKIP
    """
    root = re.sub(r"/(index\.html|collection\.json)?$", "", absolute(site))
    offered = find_offered(model_id, locate(root))
    archive = model_store() / DOWNLOADS / f"{check_id(offered.id)}.zip"
    with held(archive):
        _download(offered, root, archive, progress)
        try:
            return install_package(archive, model_id=offered.id, overwrite=overwrite)
        finally:
            archive.unlink()


def fetched(address: str, *, progress: Progress = silent) -> Path:
    """The zip of the model at ``address`` in a zoo, fetched unless it is here; it is not installed.

    Parameters
    ----------
    address
        ``ZOO/models/ID``, of which the highest version is taken, or ``ZOO/models/ID@VERSION``; ``.zip`` may follow.

    Raises
    ------
    ModelError, OutputError
        As `pull`; also when ``address`` is none of a model.
    """
    root, _, name = absolute(address).rpartition(f"/{MODELS}/")
    if not root or "/" in name:
        raise ModelError(f"{address} is no address of a model: give ZOO/{MODELS}/ID, or ZOO/{MODELS}/ID@VERSION")
    offered = find_offered(name.removesuffix(".zip"), locate(root))
    archive = model_store() / DOWNLOADS / f"{check_id(offered.id)}-{offered.sha256[:16]}.zip"
    if not _is_here(archive, offered):
        with held(archive):
            _download(offered, root, archive, progress)
    return archive


def _download(offered: Offered, root: str, archive: Path, progress: Progress) -> None:
    download(f"{root}/{offered.zip}", archive, sha256=offered.sha256, progress=progress)


def _is_here(archive: Path, offered: Offered) -> bool:
    return archive.is_file() and file_sha256(archive) == offered.sha256
