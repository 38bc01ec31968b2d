"""A model from a zoo site (`asem_core.zoo.site.build` builds one) into the store of this machine.

::

    SITE/collection.json  --entry of the id-->  its zip  --resumable download, sha256-->  check, store
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from asem_core.errors import ModelError
from asem_core.progress import Progress, silent
from asem_core.specs import ModelSpec
from asem_core.volume.address import absolute, locate, read_json
from asem_core.volume.output import held
from asem_core.zoo.download import download
from asem_core.zoo.guard.names import is_inside
from asem_core.zoo.store import check_id, install_package, model_store

COLLECTION = "collection.json"
DOWNLOADS = ".downloads"
"""Folder of the store in which zips arrive; what came of an interrupted download waits there."""


def pull(model_id: str, site: str, *, overwrite: bool = False, progress: Progress = silent) -> ModelSpec:
    """Fetch the model ``model_id`` from ``site`` and put it into the store; a download that was stopped goes on.

    Parameters
    ----------
    model_id
        As the site lists it.
    site
        Address or folder of a zoo site.
    overwrite
        Replace the stored model of that id.

    Raises
    ------
    ModelError
        The site has no such model, cannot be reached, or what it sends is not what it states.
    OutputError
        The store cannot be written, or another process fetches the same model.

    Examples
    --------
    >>> pull("mito-10nm", "https://models.example.org/asem")  # doctest: +SKIP
    """
    root = re.sub(r"/(index\.html|collection\.json)?$", "", absolute(site))
    entry = _entry(model_id, root)
    archive = model_store() / DOWNLOADS / f"{check_id(model_id)}.zip"
    with held(archive):
        download(f"{root}/{entry['zip_source']}", archive, sha256=entry["zip_sha256"], progress=progress)
        try:
            return install_package(archive, model_id=model_id, overwrite=overwrite)
        finally:
            archive.unlink()


def _entry(model_id: str, root: str) -> Mapping[str, str]:
    """What the collection says about the model, checked."""
    collection = read_json(locate(root) / COLLECTION)
    if collection is None:
        raise ModelError(f"{root}: there is no {COLLECTION}: give the address of a site that `asem zoo build` made")
    listed = collection.get("collection")
    entries = {e.get("id"): e for e in listed if isinstance(e, dict)} if isinstance(listed, list) else {}
    if model_id not in entries:
        names = sorted(str(name) for name in entries)
        close = get_close_matches(model_id, names, n=1)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        raise ModelError(f"{root} has no model {model_id!r}; there are: {', '.join(names) or 'none'}{guess}")
    entry: Mapping[str, Any] = entries[model_id]
    source, sha256 = entry.get("zip_source"), entry.get("zip_sha256")
    if not isinstance(source, str) or not is_inside(source) or not isinstance(sha256, str):
        raise ModelError(
            f"{root}/{COLLECTION}: the entry of {model_id!r} names no zip of the site with its sha256 "
            "(zip_source, zip_sha256): the site was not made by `asem zoo build`"
        )
    return {"zip_source": source, "zip_sha256": sha256}
