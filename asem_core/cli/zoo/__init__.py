"""``asem zoo``: trained models as bioimage.io packages; one thin file per verb."""

from __future__ import annotations

import click

from asem_core.cli.zoo import list as list_verb
from asem_core.cli.zoo import package, path, test


@click.group()
def zoo() -> None:
    """Show, test and write model packages (bioimage.io)."""


for verb in (list_verb.list_, path.path, test.test, package.package):
    zoo.add_command(verb)
