"""One model of a zoo: its package, unpacked and as a zip, and what the collection says of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asem_core.zoo.files import RDF_NAME, README_NAME, file_sha256
from asem_core.zoo.find import Listed
from asem_core.zoo.guard.names import is_inside
from asem_core.zoo.organelle import carried_organelle
from asem_core.zoo.rdf import read_description
from asem_core.zoo.site.collection import MODELS
from asem_core.zoo.site.gallery import Shown, shown, tile, write_page
from asem_core.zoo.store import check_id
from asem_core.zoo.write.export import export_zip


def offer(site: Path, model: Listed, *, name: str, root: str = "") -> tuple[Shown, dict[str, Any]]:
    """Write ``models/NAME.zip``, ``models/NAME/`` and ``model-NAME.html`` into ``site``.

    Parameters
    ----------
    name
        The id of the model, or ``ID@VERSION``.
    root
        Address of the zoo with a slash at its end; empty: addresses are relative to it.

    Returns
    -------
    tuple
        What its page shows, and its entry of the collection.

    Raises
    ------
    ModelError
        The package is damaged, or its id cannot be one.
    """
    spec, folder, archive = model.spec, f"{MODELS}/{name}", f"{MODELS}/{name}.zip"
    check_id(spec.id)
    export_zip(model.folder, site / archive)
    shutil.unpack_archive(site / archive, site / folder)
    rdf = read_description(site / folder)
    title, cover = str(rdf.get("name", spec.id)), _cover(rdf)
    readme = site / folder / README_NAME
    card = readme.read_text(encoding="utf-8") if readme.is_file() else f"# {title}\n"
    entry = {
        "type": "model",
        "id": spec.id,
        "nickname": spec.id,
        "name": title,
        "version": spec.version,
        "description": rdf.get("description", ""),
        "license": rdf.get("license") or spec.licence,
        "authors": rdf.get("authors", []),
        "tags": rdf.get("tags", []),
        "covers": [f"{root}{folder}/{cover}"] if cover else [],
        "rdf_source": f"{root}{folder}/{RDF_NAME}",
        "rdf_sha256": file_sha256(site / folder / RDF_NAME),
        "zip_source": archive,
        "zip_sha256": file_sha256(site / archive),
        "zip_bytes": (site / archive).stat().st_size,
        "organelle": model.organelle,
        "voxel_size_nm": list(spec.voxel_size_nm),
        "trained_on": spec.trained_on,
        "scores": dict(spec.scores),
    }
    carries_organelle = carried_organelle(site / folder) is not None
    page = shown(tile(entry, root=root), rdf, folder=folder, carries_organelle=carries_organelle, card=card)
    write_page(site, page, url=root.rstrip("/") or None)
    return page, entry


def _cover(rdf: Mapping[str, Any]) -> str | None:
    """The file of the first cover."""
    cover = next(iter(rdf.get("covers") or []), None)
    cover = cover.get("source") if isinstance(cover, dict) else cover
    return cover if isinstance(cover, str) and is_inside(cover) else None
