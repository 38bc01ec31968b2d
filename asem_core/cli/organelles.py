"""``asem organelles``: what can be segmented, and a file for what no plugin knows."""

from __future__ import annotations

import json
from pathlib import Path

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FILE, ORGANELLE
from asem_core.errors import OutputError
from asem_core.stage_text import stage_text


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
@click.pass_context
def organelles(ctx: click.Context, *, as_json: bool) -> None:
    """List the installed organelles with their parameters and models, or describe a new one.

    Widths are voxels of a 5 nm grid; on another grid they are scaled.

    \b
    Examples:
      asem organelles
      asem organelles new lysosome
    """
    if ctx.invoked_subcommand is None:
        _list(as_json=as_json)


@organelles.command()
@click.argument("name")
@click.option("--like", type=ORGANELLE, help="Begin with the numbers of this organelle.")
@click.option("-o", "--output", type=FILE, metavar="FILE.yaml", help="To write.  [default: NAME.yaml]")
def new(name: str, *, like: str | None, output: Path | None) -> None:
    """Write a file that describes the organelle NAME: clean-up, dilation, exclusion zone, threshold.

    It works as it is, wherever a command takes --organelle; change the numbers that are not so. No Python, no plugin.

    \b
    Examples:
      asem organelles new lysosome
      asem organelles new endosome --like mito -o described/endosome.yaml
    """
    from asem_core.organelles import find_organelle, is_organelle_file, new_organelle, organelle_text
    from asem_core.volume.output import explain_os

    spec = new_organelle(name, like=None if like is None else find_organelle(like, shared_registry()))
    output = output or Path(f"{name}.yaml")
    if not is_organelle_file(str(output)):
        raise OutputError(f"{output}: an organelle is described in a file whose name ends in .yaml")
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(organelle_text(spec))
    except FileExistsError:
        raise OutputError(f"{output} exists already: remove it, or write another file with -o FILE.yaml") from None
    except OSError as error:
        raise explain_os(error, output) from error
    click.echo(f"{output}: it works as it is; change what is not so, and give it with --organelle {output}")


def _list(*, as_json: bool) -> None:
    import attrs

    from asem_core.organelles import file_of

    specs = shared_registry().organelles
    if as_json:
        click.echo(json.dumps([attrs.asdict(spec) for spec in specs.values()], indent=2))
        return
    if not specs:
        click.echo("no organelle is installed: pip install asem-organelle-mito, or asem organelles new NAME")
    for spec in specs.values():
        click.echo(f"{spec.name}: {spec.title}")
        for stage in spec.cleanup:
            click.echo(f"  clean-up        {stage_text(attrs.asdict(stage))}")
        click.echo(f"  dilate labels   {spec.dilate_voxels}")
        click.echo(f"  exclusion zone  {stage_text(attrs.asdict(spec.exclusion_zone))}")
        click.echo(f"  threshold       {spec.threshold:g}")
        numbers = ", ".join(f"{name} {value:g}" for name, value in attrs.asdict(spec.separation).items())
        click.echo(f"  separation      {numbers if spec.instances else 'one network, no separate objects'}")
        for model in spec.models:
            default = " (default)" if model.id == spec.default_model else ""
            voxel = " x ".join(f"{v:g}" for v in model.voxel_size_nm)
            click.echo(f"  model           {model.id} {model.version}, {voxel} nm, {model.trained_on}{default}")
        if spec.recipe is not None:
            click.echo(f"  recipe          {file_of(spec.recipe)}")
        if spec.citation:
            click.echo(f"  cite            {spec.citation}")
