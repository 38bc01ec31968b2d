"""``asem zoo build``."""

from __future__ import annotations

from pathlib import Path

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FOLDER
from asem_core.cli.progress import progress_bar
from asem_core.errors import ModelError


@click.command()
@click.argument("site", type=FOLDER)
@click.option("--model", "names", multiple=True, metavar="ID", help="Only this model; repeatable.  [default: all]")
@click.option(
    "--url", metavar="URL", help="Where SITE will be: for id_map.json, and full addresses in collection.json."
)
@click.option("--overwrite", is_flag=True, help="Replace SITE if it is a zoo site already.")
def build(site: Path, *, names: tuple[str, ...], url: str | None, overwrite: bool) -> None:
    """Make SITE, a folder that any web server can host: gallery, zips, unpacked packages, collection.json.

    \b
    Examples:
      asem zoo build site
      asem zoo build site --url https://models.example.org/asem
    """
    from asem_core.zoo.find import all_models, model_named
    from asem_core.zoo.site.build import build_site

    if url is not None and not url.startswith(("https://", "http://")):
        raise click.UsageError(f"--url is an address such as https://models.example.org/asem; got {url!r}")
    registry = shared_registry()
    models = [model_named(name, registry=registry) for name in names] or list(all_models(registry))
    if not models:
        raise ModelError("no model is installed, so there is nothing to build: pip install asem-organelle-mito")
    with progress_bar() as progress:
        build_site(site, models, url=url, overwrite=overwrite, progress=progress)
    click.echo(f"{site}: {len(models)} model{'s' if len(models) > 1 else ''}; try it: asem zoo serve {site}")
    if url is None:
        click.echo("note: without --url there is no id_map.json, which needs full addresses", err=True)
