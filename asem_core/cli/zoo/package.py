"""``asem zoo package``."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FILE, FOLDER, ORGANELLE, PLACE, VOXEL_SIZE
from asem_core.errors import AsemError
from asem_core.geometry import VoxelSize
from asem_core.home import local_path

if TYPE_CHECKING:
    from asem_core.volume.output import Input


@click.command()
@click.argument("run", type=FOLDER)
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder of the package.")
@click.option(
    "--organelle", type=ORGANELLE, help="What the network finds, which the package carries.  [default: the recipe's]"
)
@click.option("--id", "model_id", required=True, help="Name of the model, such as mito-10nm.")
@click.option("--model-version", default="1.0.0", show_default=True, help="Version of the weights.")
@click.option("--card", "card_path", type=FILE, help="YAML text of the card: data, licence, failures (docs/card.md).  "
              "[default: card.yaml in RUN, or that nothing is stated]")  # fmt: skip
@click.option("--sample", type=PLACE, required=True, metavar="VOLUME",
              help="At least 160 voxels a side on the model's grid; parts of it are published.")  # fmt: skip
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, of a sample that does not state its own.")
@click.option("--scores", multiple=True, metavar="NAME=FILE",
              help="What `asem evaluate --json` printed for NAME; may be repeated; lists show the lowest.")  # fmt: skip
@click.option("--compared", multiple=True, metavar="NAME=FILE",
              help="The same of another training, which is not packaged: shown beside.")  # fmt: skip
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Written into the card.  [default: today]")
@click.option("--int8", is_flag=True, help="Give it its network in 8-bit integers too, as `asem zoo quantise` does.")
@click.option("--data", type=FOLDER, default=Path(), show_default="this folder",
              help="For --int8: where the recipe's relative paths start.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the package in OUTPUT.")
def package(
    run: Path,
    *,
    output: Path,
    organelle: str | None,
    model_id: str,
    model_version: str,
    card_path: Path | None,
    sample: str,
    voxel_size: VoxelSize | None,
    scores: tuple[str, ...],
    compared: tuple[str, ...],
    date: Any,
    int8: bool,
    data: Path,
    overwrite: bool,
) -> None:
    """Write the trained network of RUN, a folder that `asem train` filled, as a bioimage.io package.

    Exports ONNX and PyTorch weights (rounded to fp16), compares torch with the ONNX runtimes on a cube of the
    sample, and prints what the plugin registers; the plugin reads the same from model.json in the package. The same
    weights give the same ONNX file, so packaging again after scoring only adds the scores.

    \b
    Example:
      asem zoo package runs/mito_10nm -o asem_organelle_mito/models/mito_10nm \\
        --id mito-10nm --card mito_10nm.card.yaml --sample cell_5.zarr
    """
    from datetime import UTC, datetime

    from asem_core.zoo.write.card import load_card, load_scores

    try:
        from asem_core.training.package import package_run, read_sample
    except ImportError as error:
        raise AsemError(f"packaging needs torch ({error}): pip install 'asem-core[train]'") from None
    from asem_core.organelles import find_organelle
    from asem_core.quantisation import quantise
    from asem_core.training.recipe import load_recipe
    from asem_core.training.run import CARD, organelle_of_run
    from asem_core.volume import open_volume
    from asem_core.volume.output import check_destination
    from asem_core.zoo.manifest import PACKAGE, manifest_values
    from asem_core.zoo.store import check_id, check_version

    check_id(model_id)
    check_version(model_version)
    if card_path is None and (run / CARD).is_file():
        card_path = run / CARD
    given = [sample, card_path, *(_named_file(entry)[1] for entry in (*scores, *compared))]
    read: list[Input] = [each for each in given if each is not None]
    check_destination(output, overwrite=overwrite, kind=PACKAGE, inputs=[run, *read])
    card = None if card_path is None else load_card(card_path)
    registry = shared_registry()
    recipe = load_recipe(run / "recipe.yaml")
    if organelle is None:
        spec = organelle_of_run(run, organelle=recipe.organelle, registry=registry)
    else:
        spec = find_organelle(organelle, registry)
    volume = open_volume(sample, registry=registry, voxel_size=voxel_size)
    with ExitStack() as stack:
        written = Path(stack.enter_context(TemporaryDirectory())) / "package" if int8 else output
        done = package_run(
            run,
            written,
            model_id=model_id,
            model_version=model_version,
            organelle=spec,
            card=card,
            sample=read_sample(volume, recipe, registry=registry),
            scores=tuple(load_scores(*_named_file(entry)) for entry in scores),
            compared=tuple(load_scores(*_named_file(entry)) for entry in compared),
            date=(date or datetime.now(UTC)).strftime("%Y-%m-%d"),
            inputs=read,
            overwrite=overwrite,
        )
        small = quantise(written, output, data=data, registry=registry, overwrite=overwrite) if int8 else None
    for entry in done.parity:
        click.echo(f"{entry.reference} against {entry.candidate}: largest difference {entry.max_abs_difference:.2e} "
                   f"on {entry.side}^3 voxels")  # fmt: skip
    if card is None:
        click.echo(
            "note: without a card nobody knows whose the model is, and what it may be used for: docs/card.md", err=True
        )
    click.echo(json.dumps(manifest_values((small or done).spec), indent=2))
    if small is not None:
        click.echo(f"{small}")
    click.echo(f"package: {output}")


def _named_file(text: str) -> tuple[str, Path]:
    name, sign, file = text.rpartition("=")
    if not name or not sign or not file:
        raise AsemError(f"scores are given as NAME=FILE, such as 'validation part=scores.json'; got {text!r}")
    return name, local_path(file)
