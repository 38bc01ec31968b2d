"""``asem report``."""

from __future__ import annotations

from pathlib import Path

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FILE, PATH
from asem_core.cli.progress import progress_bar

NAME = "report.html"


@click.command()
@click.argument("analyses", metavar="ANALYSIS...", nargs=-1, required=True, type=PATH)
@click.option("-o", "--output", type=FILE, metavar="FILE.html",
              help=f"The page to make.  [default: {NAME} in ANALYSIS, where one is given]")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the page if it is a report already.")
def report(analyses: tuple[Path, ...], *, output: Path | None, overwrite: bool) -> None:
    """Make a page that shows what was measured: numbers, figures, every object, methods, provenance.

    ANALYSIS is the output folder of `asem analyze`; nothing is measured again. The page is one file with everything
    inside and opens in any browser without a network. Needs `pip install 'asem-core[report]'`.

    \b
    Examples:
      asem report pores
      asem report pores pits -o cell.html
    """
    from asem_core.reporting.write import report as run

    if output is None and len(analyses) > 1:
        raise click.UsageError(f"{len(analyses)} analyses make one page: say which file with -o FILE.html")
    page = output or analyses[0] / NAME
    with progress_bar() as progress:
        page = run(analyses, page, registry=shared_registry(), overwrite=overwrite, progress=progress)
    click.echo(f"{page}: {page.stat().st_size / 1e6:.1f} MB, open it in a browser")
