"""The command ``asem view``."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from asem_core.cli import FILE, FOLDER, PLACE, shared_registry


@click.command()
@click.argument("paths", nargs=-1, required=True, type=PLACE, metavar="PATH...")
@click.option("--link", is_flag=True, help="Print the address, open no browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of 127.0.0.1; by default any that is free.")
@click.option("--screenshot", type=FILE, metavar="PNG", help="Draw a picture instead; needs Chromium or Chrome.")
@click.option("--export", "site", type=FOLDER, help="Make a folder instead that any web server can host.")
def view(paths: tuple[str, ...], *, link: bool, port: int, screenshot: Path | None, site: Path | None) -> None:
    """Look at volumes, segmentations and measured objects in a browser, offline.

    PATH is an OME-Zarr (its labels are shown too), one of its label images, the folder of an analysis, whose objects
    become points with their numbers, or meshes of `asem mesh`; local, https:// or s3://. Give several. What is shown
    can be switched on and off, a probability's threshold moved, a point clicked. Files are served on 127.0.0.1 only,
    until Ctrl-C.

    \b
    Examples:
      asem view cell.zarr mito.zarr mito_objects/
      asem view s3://janelia-cosem-datasets/jrc_hela-2/jrc_hela-2.zarr/recon-1/em/fibsem-uint8
      asem view cell.zarr mito.zarr --screenshot mito.png
      asem view cell.zarr mito.zarr --export site/
    """
    from asem_view.exporting import export
    from asem_view.viewing import open_browser
    from asem_view.viewing import screenshot as draw
    from asem_view.viewing import view as serve

    registry = shared_registry()
    if site is not None:
        made = export(paths, site, registry=registry)
        click.echo(f"{made}: open it through a web server, such as python -m http.server -d {made}")
        return
    with serve(paths, port=port, registry=registry) as viewer:
        if screenshot is not None:
            click.echo(f"{draw(viewer, screenshot)}")
            return
        click.echo(", ".join(f"{layer.name} ({layer.kind})" for layer in viewer.layers), err=True)
        opened = not link and open_browser(viewer)
        click.echo(f"{viewer.address}")
        click.echo("shown in your browser; Ctrl-C ends it" if opened else "open this address; Ctrl-C ends it", err=True)
        threading.Event().wait()
