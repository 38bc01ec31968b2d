"""``asem zoo serve``."""

from __future__ import annotations

from pathlib import Path

import click

from asem_core.cli.options import FOLDER


@click.command()
@click.argument("zoo", type=FOLDER, metavar="FOLDER")
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address to listen at; 0.0.0.0: for everybody who reaches this machine.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any that is free.")
def serve(zoo: Path, *, host: str, port: int) -> None:
    """Offer the zoo in FOLDER, which `asem zoo push` or `asem zoo build` made, over http until it is stopped.

    Nothing can be written through it. `asem zoo pull`, `asem segment --model ADDRESS/models/ID` and bioimage.io's tools
    take models from it, the highest version by ID, any by ID@VERSION.

    \b
    Examples:
      asem zoo serve /lab/zoo
      asem zoo serve /lab/zoo --host 0.0.0.0 --port 8080
    """
    from asem_core.zoo.site.serve import serve as run

    run(zoo, host=host, port=port, started=lambda address: click.echo(f"{zoo}: {address}"))
