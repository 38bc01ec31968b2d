"""``asem report``."""

from __future__ import annotations

from pathlib import Path

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FILE, PATH
from asem_core.cli.progress import progress_bar

NAME = "report.html"


def _groups(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = []
    for value in values:
        name, sign, pattern = value.partition("=")
        if not (name and sign and pattern):
            raise click.BadParameter(f"a group is NAME=PATTERN, such as 'fed=*/fed*'; got {value!r}")
        found.append((name, pattern))
    return tuple(found)


@click.command()
@click.argument("analyses", metavar="ANALYSIS...", nargs=-1, required=True, type=PATH)
@click.option("-o", "--output", type=FILE, metavar="FILE.html",
              help=f"The page to make.  [default: {NAME} in ANALYSIS, where one is given]")  # fmt: skip
@click.option("--group", "groups", multiple=True, metavar="NAME=PATTERN", callback=_groups,
              help="Compare cells: every ANALYSIS is one, and those whose path matches PATTERN, such as '*/fed*', are "
              "of the condition NAME. Repeat it for each condition.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the page if it is a report already.")
def report(
    analyses: tuple[Path, ...], *, output: Path | None, groups: tuple[tuple[str, str], ...], overwrite: bool
) -> None:
    """Make a page that shows what was measured: numbers, figures, every object, methods, provenance.

    ANALYSIS is the output folder of `asem analyze`; nothing is measured again. The page is one file with everything
    inside and opens in any browser without a network. A folder beside it has its figures and tables as files. Needs
    `pip install 'asem-core[report]'`.

    With --group the page begins with a comparison of cells, quantity by quantity, with effect sizes over cells.

    \b
    Examples:
      asem report pores
      asem report pores pits -o cell.html
      asem report fed*/mito starved*/mito -o cells.html --group 'fed=fed*' --group 'starved=starved*'
    """
    from asem_core.reporting.comparison.cells import group
    from asem_core.reporting.files import files_beside
    from asem_core.reporting.write import report as run

    if output is None and len(analyses) > 1:
        raise click.UsageError(f"{len(analyses)} analyses make one page: say which file with -o FILE.html")
    page = output or analyses[0] / NAME
    with progress_bar() as progress:
        page = run(
            analyses,
            page,
            comparisons=[group(analyses, groups)] if groups else [],
            registry=shared_registry(),
            overwrite=overwrite,
            progress=progress,
        )
    click.echo(f"{page}: {page.stat().st_size / 1e6:.1f} MB, open it in a browser")
    click.echo(f"{files_beside(page)}: its figures as SVG or PNG, its tables as CSV")
