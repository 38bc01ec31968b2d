"""``asem zoo path``."""

from __future__ import annotations

import click

from asem_core.cli.context import shared_registry


@click.command(epilog="Example: asem zoo path mito-10nm")
@click.argument("model", metavar="ID")
def path(model: str) -> None:
    """Print the folder of the package of the model ID."""
    from asem_core.zoo.find import model_named

    click.echo(model_named(model, registry=shared_registry()).folder)
