"""``asem status`` and ``asem verify``: how far the run that writes an output is, and whether the output is whole."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from asem_core.cli.options import OUTPUT
from asem_core.cli.progress import progress_bar


@click.command(epilog="Example: asem status mito.zarr")
@click.argument("output", type=OUTPUT)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def status(output: Path | str, *, as_json: bool) -> None:
    """Say how far the run that writes OUTPUT is, and which blocks failed.

    Exits with 1 while it is not complete.
    """
    from asem_core.blocks.verify import status as read

    found = read(output)
    if as_json:
        failed = [{"stage": r.sweep, "block": r.block, "reason": r.failed} for r in found.failed]
        stages = {name: {"done": done, "total": total} for name, (done, total) in found.sweeps.items()}
        click.echo(
            json.dumps(
                {"complete": found.complete, "stages": stages, "failed": failed, "command": found.command}, indent=2
            )
        )
    else:
        for name, (done, total) in found.sweeps.items():
            click.echo(f"{name}: {done} of {total} blocks done")
        for record in found.failed:
            click.echo(f"failed: {record.sweep} block {record.block}: {record.failed}")
        click.echo("complete" if found.complete else f"not complete; to go on: {found.command}")
    sys.exit(0 if found.complete else 1)


@click.command(epilog="Example: asem verify mito.zarr")
@click.argument("output", type=OUTPUT)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def verify(output: Path | str, *, as_json: bool) -> None:
    """Prove that OUTPUT is whole: every block done, every chunk there and as it was written.

    Exits with 1 if it is not.
    """
    from asem_core.blocks.verify import verify as check

    with progress_bar() as progress:
        found = check(output, progress=progress)
    if as_json:
        values = {
            "sound": found.sound, "complete": found.status.complete, "pieces": found.pieces,
            "missing": found.missing, "changed": found.changed,
        }  # fmt: skip
        click.echo(json.dumps(values, indent=2))
    else:
        for name in found.missing:
            click.echo(f"missing: {name}")
        for name in found.changed:
            click.echo(f"changed since it was written: {name}")
        if not found.status.complete:
            click.echo(f"not complete; to go on: {found.status.command}")
        if found.sound:
            click.echo(f"sound: {found.pieces} pieces, all there and as they were written")
        elif found.status.complete:
            click.echo(f"damaged; to make again what is missing or changed: {found.status.command}")
    sys.exit(0 if found.sound else 1)
