"""``asem run``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.dask import DASK, on_workers
from asem_core.cli.options import FILE
from asem_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from asem_core.project.results import Result


@click.command()
@click.argument("project", type=FILE)
@DASK
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def run(project: Path, *, dask: str | None, as_json: bool) -> None:
    """Do all that the file PROJECT asks for: many volumes, each converted, masked, segmented, scored and measured.

    Everything is made in the folder that the file names, and what has been made is not made again: after a change of
    the file only what depends on it. A volume that fails stops no other. In the end there are summary.csv and, with
    analyses, report.html; the exit code is 1 where a step failed.

    \b
    Examples:
      asem run project.yaml
      asem run project.yaml --dask slurm.yaml
    """
    from asem_core.project.run import run_project

    def planned(needed: int) -> None:
        if needed:
            click.echo(f"expected: up to {needed / 1e9:.2f} GB disk for what is not there yet", err=True)

    def told(result: Result) -> None:
        click.echo(f"{result}", err=as_json)

    with on_workers(dask) as executor, progress_bar() as progress:
        ran = run_project(
            project, registry=shared_registry(), executor=executor, planned=planned, told=told, progress=progress
        )
    click.echo(json.dumps(ran.to_json(), indent=2) if as_json else f"{ran}")
    if ran.failed:
        sys.exit(1)
