"""The pages of a zoo site: a gallery, and for each model its card and how to use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import attrs

from asem_core.pages import environment, markdown
from asem_core.zoo.site.collection import order_of

if TYPE_CHECKING:
    from jinja2 import Template

INDEX = "index.html"

_BLOCK = 10
"""Steps above the smallest input that the example of bioimageio.core uses, which is its command line's own default."""


@attrs.frozen(kw_only=True)
class Tile:
    """What the gallery says about a model; addresses are relative to the site."""

    id: str
    version: str
    name: str
    """By which the zoo gives it: its id, or ``ID@VERSION``."""
    title: str
    organelle: str
    voxel: str
    """nm."""
    licence: str
    trained_on: str
    scores: tuple[tuple[str, float], ...]
    zip: str
    zip_sha256: str
    megabytes: str
    cover: str | None
    page: str
    others: tuple[tuple[str, str], ...] = ()
    """Its other versions, and their pages."""


@attrs.frozen(kw_only=True)
class Shown(Tile):
    """What its page says beside that."""

    folder: str
    carries_organelle: bool
    """Whether the package describes it, so that no plugin is needed."""
    output: str
    """Name of the output tensor."""
    sizes: str
    """What the sides of an input may be, in words; empty: the description does not say it as minimum and step."""
    block: int
    card: str
    """Markdown."""


def tile(entry: Mapping[str, Any], *, root: str = "") -> Tile:
    """What the gallery says about the model of an entry of the collection, in which addresses begin with ``root``."""
    titles = {"f1_with_zone": "F1 outside the exclusion zone", "f1_without_zone": "F1 on all voxels"}
    name, scores, trained_on = PurePosixPath(entry["zip_source"]).stem, entry["scores"], entry["trained_on"]
    return Tile(
        id=entry["id"],
        version=entry["version"],
        name=name,
        title=entry["name"],
        organelle=entry["organelle"],
        voxel=" x ".join(f"{v:g}" for v in entry["voxel_size_nm"]),
        licence=str(entry["license"] or "no licence stated"),
        trained_on=trained_on[:1].upper() + trained_on[1:],
        scores=tuple((title, scores[key]) for key, title in titles.items() if key in scores),
        zip=entry["zip_source"],
        zip_sha256=entry["zip_sha256"],
        megabytes=f"{entry['zip_bytes'] / 1e6:.1f}",
        cover=next((cover.removeprefix(root) for cover in entry["covers"]), None),
        page=f"model-{name}.html",
    )


def shown(tile: Tile, rdf: Mapping[str, Any], *, folder: str, carries_organelle: bool, card: str) -> Shown:
    """What the page says about the model of ``tile``, whose description is ``rdf``."""
    sizes, block = _sizes(rdf)
    return Shown(
        **{field.name: getattr(tile, field.name) for field in attrs.fields(Tile)},
        folder=folder,
        carries_organelle=carries_organelle,
        output=str(rdf["outputs"][0].get("id", "output")),
        sizes=sizes,
        block=block,
        card=card,
    )


def newest(entries: Iterable[Mapping[str, Any]]) -> list[Tile]:
    """Of every model of a collection the highest version, which names the others; by id."""
    models: dict[str, list[Tile]] = {}
    for entry in sorted(entries, key=lambda each: order_of(each["version"]), reverse=True):
        models.setdefault(entry["id"], []).append(tile(entry))
    return [
        attrs.evolve(first, others=tuple((each.version, each.page) for each in rest))
        for _, (first, *rest) in sorted(models.items())
    ]


def write_gallery(site: Path, models: Sequence[Tile], *, url: str | None = None, example: Shown | None = None) -> None:
    """Write ``index.html`` into ``site``.

    Parameters
    ----------
    url
        Address at which the site will be; without it the page works it out in the browser.
    example
        The model by which it says how one is used; None: the pages of the models do.
    """
    text = _template("index.html").render(models=models, example=example, site=url, core_version=version("asem-core"))
    (site / INDEX).write_text(text, encoding="utf-8")


def write_page(site: Path, model: Shown, *, url: str | None = None) -> None:
    """Write the page of ``model`` into ``site``; ``url`` as in `write_gallery`."""
    card, made_by = markdown(model.card), version("asem-core")
    text = _template("model.html").render(model=model, card=card, site=url, core_version=made_by)
    (site / model.page).write_text(text, encoding="utf-8")


def _template(name: str) -> Template:
    return environment(Path(__file__).parent / "pages").get_template(name)


def _sizes(rdf: Mapping[str, Any]) -> tuple[str, int]:
    for axis in rdf["inputs"][0].get("axes", ()):
        size = axis.get("size") if isinstance(axis, dict) else None
        if isinstance(size, dict) and {"min", "step"} <= set(size):
            least, step = int(size["min"]), int(size["step"])
            return f"{least} plus a multiple of {step}", least + _BLOCK * step
    return "", 0
