"""``asem zoo import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FOLDER, ORGANELLE, PATH, VOXEL_SIZE
from asem_core.cli.progress import progress_bar
from asem_core.errors import AsemError

if TYPE_CHECKING:
    from asem_core.geometry import VoxelSize


@click.command("import")
@click.argument("checkpoint", type=PATH)
@click.option("--organelle", type=ORGANELLE, required=True,
              help="What the network finds; `asem organelles` lists what is installed.")  # fmt: skip
@click.option(
    "--voxel-size", type=VOXEL_SIZE, required=True, help="nm, that the network was trained at, such as 5,5,5."
)
@click.option("--fixation", type=click.Choice(["CF", "HPFS"]), required=True,
              help="Of the training samples: chemical, or high-pressure freezing and freeze substitution.")  # fmt: skip
@click.option("--id", "model_id", metavar="ID", help="Name of the model.  [default: of the checkpoint]")
@click.option("--normalise", metavar="NAME[:PARAMETER=VALUE,...]",
              help="Stage that the training images went through, or none.  [default: clahe, as published]")  # fmt: skip
@click.option("-o", "--output", type=FOLDER, metavar="FOLDER",
              help="Write the package there instead of installing it for `asem segment --model`.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a model of this name, or the package in FOLDER.")
def import_(
    checkpoint: Path,
    *,
    organelle: str,
    voxel_size: VoxelSize,
    fixation: str,
    model_id: str | None,
    normalise: str | None,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Make a model package of CHECKPOINT, a file that the published ASEM program wrote.

    Nothing in the file is run: it is read as tensors, and each tensor's name and shape is checked. The weights stay as
    they are. A file with the name of one of the seven published checkpoints gets their card.

    \b
    Example:
      asem zoo import model_checkpoint_1841_er_CF.pt --organelle er --voxel-size 5,5,5 --fixation CF
    """
    from datetime import UTC, datetime

    from asem_core.organelles import find_organelle
    from asem_core.params import parse_stage
    from asem_core.preprocessing.stages import make_steps
    from asem_core.zoo.write.checkpoint import describe_checkpoint

    registry = shared_registry()
    stages = None if normalise is None else () if normalise == "none" else (parse_stage(normalise),)
    make_steps(stages or (), registry)
    found = find_organelle(organelle, registry)
    spec = describe_checkpoint(
        checkpoint,
        organelle=found.name,
        voxel_size_nm=voxel_size.zyx,
        fixation=fixation,
        registry=registry,
        normalise=stages,
    )
    try:
        from asem_core.training.importing import import_checkpoint, install_checkpoint
    except ImportError as error:
        raise AsemError(f"importing a checkpoint needs torch ({error}): pip install 'asem-core[train]'") from None
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    with progress_bar() as progress:
        if output is None:
            model = install_checkpoint(
                checkpoint,
                spec=spec,
                date=today,
                organelle=found,
                model_id=model_id,
                overwrite=overwrite,
                progress=progress,
            )
        else:
            model = import_checkpoint(
                checkpoint,
                output,
                spec=spec,
                date=today,
                organelle=found,
                model_id=model_id,
                overwrite=overwrite,
                progress=progress,
            ).spec
    click.echo(f"{model.id}: {model.trained_on}")
    click.echo(f"package: {model.package}")
    if output is None:
        click.echo(f"use it: asem segment VOLUME --model {model.id} -o OUT.zarr")
