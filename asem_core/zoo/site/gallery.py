"""The pages of a zoo site: a gallery, and for each model its card and how to use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from asem_core.pages import environment, markdown
from asem_core.specs import ModelSpec
from asem_core.zoo.guard.names import is_inside

_BLOCK = 10
"""Steps above the smallest input that the example of bioimageio.core uses, which is its command line's own default."""


@attrs.frozen(kw_only=True)
class Shown:
    """What the pages say about a model; addresses are relative to the site."""

    id: str
    version: str
    title: str
    organelle: str
    carries_organelle: bool
    """Whether the package describes it, so that no plugin is needed."""
    voxel: str
    """nm."""
    licence: str
    trained_on: str
    scores: tuple[tuple[str, float], ...]
    output: str
    """Name of the output tensor."""
    sizes: str
    """What the sides of an input may be, in words; empty: the description does not say it as minimum and step."""
    block: int
    folder: str
    zip: str
    zip_sha256: str
    megabytes: str
    cover: str | None
    page: str
    card: str
    """Markdown."""


def shown(
    spec: ModelSpec,
    rdf: Mapping[str, Any],
    *,
    organelle: str,
    carries_organelle: bool,
    folder: str,
    zip_name: str,
    zip_sha256: str,
    zip_bytes: int,
    card: str,
) -> Shown:
    """What the pages say about the model of ``spec`` and its description ``rdf``."""
    sizes, block = _sizes(rdf)
    names = {"f1_with_zone": "F1 outside the exclusion zone", "f1_without_zone": "F1 on all voxels"}
    cover = next(iter(rdf.get("covers") or []), None)
    cover = cover.get("source") if isinstance(cover, dict) else cover
    return Shown(
        id=spec.id,
        version=spec.version,
        title=str(rdf.get("name", spec.id)),
        organelle=organelle,
        carries_organelle=carries_organelle,
        voxel=" x ".join(f"{v:g}" for v in spec.voxel_size_nm),
        licence=str(rdf.get("license") or spec.licence),
        trained_on=spec.trained_on[:1].upper() + spec.trained_on[1:],
        scores=tuple((label, spec.scores[key]) for key, label in names.items() if key in spec.scores),
        output=str(rdf["outputs"][0].get("id", "output")),
        sizes=sizes,
        block=block,
        folder=folder,
        zip=zip_name,
        zip_sha256=zip_sha256,
        megabytes=f"{zip_bytes / 1e6:.1f}",
        cover=f"{folder}/{cover}" if isinstance(cover, str) and is_inside(cover) else None,
        page=f"model-{spec.id}.html",
        card=card,
    )


def write_pages(site: Path, models: Sequence[Shown], *, url: str | None) -> None:
    """Write ``index.html`` and one page per model into ``site``.

    Parameters
    ----------
    url
        Address at which the site will be; without it the pages work theirs out in the browser.
    """
    templates = environment(Path(__file__).parent / "pages")
    common = {"site": url, "core_version": version("asem-core")}
    index = templates.get_template("index.html").render(models=models, **common)
    (site / "index.html").write_text(index, encoding="utf-8")
    page = templates.get_template("model.html")
    for model in models:
        text = page.render(model=model, card=markdown(model.card), **common)
        (site / model.page).write_text(text, encoding="utf-8")


def _sizes(rdf: Mapping[str, Any]) -> tuple[str, int]:
    for axis in rdf["inputs"][0].get("axes", ()):
        size = axis.get("size") if isinstance(axis, dict) else None
        if isinstance(size, dict) and {"min", "step"} <= set(size):
            least, step = int(size["min"]), int(size["step"])
            return f"{least} plus a multiple of {step}", least + _BLOCK * step
    return "", 0
