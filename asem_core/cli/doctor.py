"""``asem doctor``."""

from __future__ import annotations

import json
import sys

import click

from asem_core.cli.context import shared_registry


@click.command(epilog="Example: asem doctor > report.txt")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def doctor(*, as_json: bool) -> None:
    """Show what ASEM finds on this machine, what is broken, and what to install for more speed.

    Versions, extras, plugins, processor, GPU, memory, disk and runtimes, as text to paste into a report. Exits with 1
    if something is broken.
    """
    import attrs

    from asem_core.doctor import diagnose

    found = diagnose(shared_registry())
    click.echo(json.dumps(attrs.asdict(found), indent=2) if as_json else f"{found}")
    sys.exit(1 if found.broken else 0)
