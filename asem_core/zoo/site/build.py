"""A zoo as a static site that any web server can host, at any path.

::

    SITE/
      index.html        gallery          model-<id>.html   card, and how to use it
      collection.json   the models: type, id, rdf_source, tags, ...; `asem zoo pull` reads it too
      id_map.json       id -> source, sha256: what BIOIMAGEIO_ID_MAP names (only with an address: it wants full URLs)
      models/<id>/      the unpacked package: rdf.yaml and the files that it names
      models/<id>.zip   the same as one file
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asem_core.errors import ModelError
from asem_core.progress import Progress, silent
from asem_core.volume.contents import is_as_written, record_contents
from asem_core.volume.output import Replaceable, complete_or_absent
from asem_core.zoo.files import RDF_NAME, README_NAME, file_sha256
from asem_core.zoo.find import Listed
from asem_core.zoo.organelle import carried_organelle
from asem_core.zoo.rdf import read_description
from asem_core.zoo.site.gallery import Shown, shown, write_pages
from asem_core.zoo.site.pull import COLLECTION
from asem_core.zoo.store import check_id
from asem_core.zoo.write.export import export_zip

ID_MAP = "id_map.json"
_MODELS = "models"
_MADE_BY = "asem zoo build"


def build_site(
    site: Path,
    models: Sequence[Listed],
    *,
    url: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Write the site into the folder ``site``: complete or absent.

    Parameters
    ----------
    models
        What it offers.
    url
        Address at which it will be: then `id_map.json` is written, and addresses in ``collection.json`` are full URLs.
        Without it they are relative to the site.
    overwrite
        Replace a site that is there, unless something was added to it or edited in it.

    Raises
    ------
    ModelError
        A package is damaged, or two models have one id.
    OutputError
        ``site`` exists and is no site, or cannot be written.
    """
    ids = [model.spec.id for model in models]
    if len(set(ids)) < len(ids):
        raise ModelError(f"two models have one id ({', '.join(sorted(ids))}): a site needs distinct ids")
    root = "" if url is None else url.rstrip("/") + "/"
    needed = 2 * sum(model.bytes for model in models)
    kind = Replaceable(name="a zoo site", recognise=lambda folder: is_as_written(folder, made_by=_MADE_BY))
    folders = [model.folder for model in models]
    with complete_or_absent(site, needed_bytes=needed, overwrite=overwrite, kind=kind, inputs=folders) as partial:
        (partial / _MODELS).mkdir(parents=True)
        pages, entries = [], []
        for done, model in enumerate(models):
            progress("build", done, len(models))
            page, entry = _add(partial, model, root)
            pages.append(page)
            entries.append(entry)
        _write_json(partial / COLLECTION, {"type": "collection", "name": "ASEM models", "collection": entries})
        if url is not None:
            id_map = {e["id"]: {"source": e["rdf_source"], "sha256": e["rdf_sha256"]} for e in entries}
            _write_json(partial / ID_MAP, id_map)
        write_pages(partial, pages, url=root.rstrip("/") or None)
        record_contents(partial, made_by=_MADE_BY)
        progress("build", len(models), len(models))


def _add(site: Path, model: Listed, root: str) -> tuple[Shown, dict[str, Any]]:
    """Copy one package, packed and unpacked, and tell of it."""
    spec, name = model.spec, check_id(model.spec.id)
    folder, archive = f"{_MODELS}/{name}", f"{_MODELS}/{name}.zip"
    export_zip(model.folder, site / archive)
    shutil.unpack_archive(site / archive, site / folder)
    rdf, sha256, size = read_description(site / folder), file_sha256(site / archive), (site / archive).stat().st_size
    readme = site / folder / README_NAME
    card = readme.read_text(encoding="utf-8") if readme.is_file() else f"# {rdf.get('name', name)}\n"
    page = shown(
        spec,
        rdf,
        organelle=model.organelle,
        carries_organelle=carried_organelle(site / folder) is not None,
        folder=folder,
        zip_name=archive,
        zip_sha256=sha256,
        zip_bytes=size,
        card=card,
    )
    entry = {
        "type": "model",
        "id": name,
        "nickname": name,
        "name": page.title,
        "version": spec.version,
        "description": rdf.get("description", ""),
        "license": rdf.get("license"),
        "authors": rdf.get("authors", []),
        "tags": rdf.get("tags", []),
        "covers": [root + page.cover] if page.cover else [],
        "rdf_source": f"{root}{folder}/{RDF_NAME}",
        "rdf_sha256": file_sha256(site / folder / RDF_NAME),
        "zip_source": archive,
        "zip_sha256": sha256,
        "zip_bytes": size,
        "organelle": model.organelle,
        "voxel_size_nm": list(spec.voxel_size_nm),
        "trained_on": spec.trained_on,
        "scores": dict(spec.scores),
    }
    return page, entry


def _write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
