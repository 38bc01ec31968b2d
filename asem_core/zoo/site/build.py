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
from collections.abc import Sequence
from pathlib import Path

from asem_core.errors import ModelError
from asem_core.progress import Progress, silent
from asem_core.volume.contents import is_as_written, record_contents
from asem_core.volume.output import Replaceable, complete_or_absent
from asem_core.zoo.find import Listed
from asem_core.zoo.site.collection import COLLECTION, MODELS, collection_text
from asem_core.zoo.site.gallery import write_gallery
from asem_core.zoo.site.offer import offer

ID_MAP = "id_map.json"
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
    if twice := sorted({each for each in ids if ids.count(each) > 1}):
        raise ModelError(f"two models have one id ({', '.join(twice)}): a site needs distinct ids")
    root = "" if url is None else url.rstrip("/") + "/"
    needed = 2 * sum(model.bytes for model in models)
    kind = Replaceable(name="a zoo site", recognise=lambda folder: is_as_written(folder, made_by=_MADE_BY))
    folders = [model.folder for model in models]
    with complete_or_absent(site, needed_bytes=needed, overwrite=overwrite, kind=kind, inputs=folders) as partial:
        (partial / MODELS).mkdir(parents=True)
        pages, entries = [], []
        for done, model in enumerate(models):
            progress("build", done, len(models))
            page, entry = offer(partial, model, name=model.spec.id, root=root)
            pages.append(page)
            entries.append(entry)
        (partial / COLLECTION).write_text(collection_text(entries), encoding="utf-8")
        if url is not None:
            id_map = {e["id"]: {"source": e["rdf_source"], "sha256": e["rdf_sha256"]} for e in entries}
            (partial / ID_MAP).write_text(json.dumps(id_map, indent=2) + "\n", encoding="utf-8")
        write_gallery(partial, pages, url=root.rstrip("/") or None, example=pages[0] if pages else None)
        record_contents(partial, made_by=_MADE_BY)
        progress("build", len(models), len(models))
