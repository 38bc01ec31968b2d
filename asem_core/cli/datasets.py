"""``asem datasets``: which volumes with labels are known, and fetching a part of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import ORGANELLE, PATH
from asem_core.cli.progress import progress_bar
from asem_core.errors import AsemError

if TYPE_CHECKING:
    from asem_core.datasets.source import Opened
    from asem_core.geometry import Box
    from asem_core.specs import DatasetBlock, DatasetSpec


@click.group()
def datasets() -> None:
    """Volumes with labels that the installed plugins know: list, show, fetch."""


@datasets.command("list", epilog="Example: asem datasets list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def list_datasets(*, as_json: bool) -> None:
    """List the data sets: name, fixation, voxel size, labels, source."""

    specs = shared_registry().datasets
    if as_json:
        click.echo(json.dumps([_row(spec) for spec in specs.values()], indent=2))
        return
    if not specs:
        click.echo("no data set is installed: pip install asem-dataset-asem")
        return
    rows = [("name", "fixation", "voxel nm (z,y,x)", "labels", "source")]
    for spec in specs.values():
        row = _row(spec)
        voxel = " x ".join(f"{v:g}" for v in row["voxel_size_nm"])
        rows.append((spec.name, spec.fixation or "-", voxel, ", ".join(row["labels"]) or "-", row["source"]))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row_ in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row_, widths, strict=True)).rstrip())


@datasets.command(epilog="Example: asem datasets show cell_1")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def show(name: str, *, as_json: bool) -> None:
    """Show all that is known about the data set NAME."""
    import attrs

    spec = shared_registry().datasets[name]
    if as_json:
        click.echo(json.dumps(attrs.asdict(spec), indent=2))
        return
    click.echo(f"{spec.name}: {spec.summary}")
    facts = {
        "address": spec.uri,
        "image": spec.image,
        "voxel size": " x ".join(f"{v:g}" for v in spec.voxel_size_nm) + " nm (z, y, x)",
        "fixation": spec.fixation,
        "used for": spec.split,
        "licence": spec.licence,
        "citation": spec.citation,
        "sha256": spec.sha256,
    }
    for fact, value in facts.items():
        if value:
            click.echo(f"  {fact:<11} {value}")
    for organelle, place in spec.labels.items():
        width = f", dilate {place['dilate_voxels']}" if "dilate_voxels" in place else ""
        click.echo(f"  labels      {organelle}: {place['path']}{width}")
    for block in spec.blocks:
        click.echo(f"  block       {_describe(block)}")


@datasets.command()
@click.argument("name")
@click.option("-o", "--output", required=True, metavar="OUT.zarr", type=PATH, help="To write.")
@click.option(
    "--roi",
    metavar="BOX|BLOCK",
    help="Part to fetch: z0:z1,y0:y1,x0:x1 voxels (or ...nm), or a block of `asem datasets show NAME`.",
)
@click.option("--whole", is_flag=True, help="Fetch the whole volume, whatever its size.")
@click.option("--organelle", "organelles", type=ORGANELLE, multiple=True, help="Fetch these labels too; repeatable.")
@click.option("--uri", help="Where the data set lies, if not where `asem datasets show NAME` says.")
@click.option("--overwrite", is_flag=True, help="Replace OUT.zarr, or begin an unfinished fetch anew.")
def fetch(
    name: str,
    *,
    output: Path,
    roi: str | None,
    whole: bool,
    organelles: tuple[str, ...],
    uri: str | None,
    overwrite: bool,
) -> None:
    """Copy a part of the data set NAME, and its labels if asked, into a local OME-Zarr.

    A fetch that was stopped goes on where it was: run the same command again. `asem verify OUT.zarr` proves that
    nothing is missing.

    \b
    Examples:
      asem datasets fetch cell_1 -o er.zarr --roi er-validation-1 --organelle er
      asem datasets fetch cell_2 -o part.zarr --roi 0:256,0:256,0:256
    """
    from asem_core.datasets.fetch import fetch as run
    from asem_core.datasets.source import open_dataset
    from asem_core.organelles import name_of

    if output.suffix != ".zarr":
        raise AsemError(f"{output}: a fetched data set is an OME-Zarr; name it NAME.zarr")
    if whole and roi is not None:
        raise AsemError("--roi asks for a part and --whole for everything: give one of them")
    registry = shared_registry()
    opened = open_dataset(registry.datasets[name], [name_of(each) for each in organelles], uri=uri, registry=registry)
    box = _choose(opened, roi, whole=whole)
    with progress_bar() as progress:
        found = run(opened, output, roi=box, overwrite=overwrite, progress=progress)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{found.path}: {found.roi} of {name}")
    click.echo(f"licence: {opened.spec.licence}\ncite: {opened.spec.citation}")


def _choose(opened: Opened, roi: str | None, *, whole: bool) -> Box:
    from asem_core.datasets.fetch import fetched_bytes
    from asem_core.datasets.source import block_named
    from asem_core.geometry import parse_roi

    image = opened.image
    if roi is not None:
        return image.part(parse_roi(roi)) if ":" in roi else block_named(opened.spec, roi)
    if not whole:
        size = fetched_bytes(opened, image.box) / 1e9
        raise AsemError(
            f"{opened.spec.name} is {' x '.join(map(str, image.shape))} voxels, {size:.3g} GB uncompressed: "
            "say which part with --roi, or --whole for all of it"
        )
    return image.box


def _row(spec: DatasetSpec) -> dict[str, Any]:
    scheme, _, rest = spec.uri.partition("://")
    return {
        "name": spec.name,
        "fixation": spec.fixation,
        "voxel_size_nm": list(spec.voxel_size_nm),
        "labels": list(spec.labels),
        "source": f"{scheme}://{rest.partition('/')[0]}" if rest else spec.uri,
    }


def _describe(block: DatasetBlock) -> str:
    from asem_core.geometry import Box

    if block.start is not None and block.shape is not None:
        where = f"{Box((0, 0, 0), block.shape).shift(block.start)} (z,y,x voxels)"
    elif block.shape is not None:
        order = "z,y,x" if block.ordered else "as printed, the order of the axes is not guaranteed"
        where = f"{' x '.join(map(str, block.shape))} voxels ({order}); where it lies is not published"
    else:
        where = "place and shape stand with the crop at its source"
    use = f"{block.role} of {block.organelle}"
    return f"{block.name} ({use}): {where}{'; ' + block.summary if block.summary else ''}"
