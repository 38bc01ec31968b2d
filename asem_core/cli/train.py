"""``asem train``."""

from __future__ import annotations

from pathlib import Path

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FILE, FOLDER
from asem_core.cli.progress import progress_bar


@click.command(epilog="Example: asem train mito_10nm.yaml --data ~/volumes -o runs/mito_10nm")
@click.argument("recipe", type=FILE)
@click.option("--data", type=FOLDER, default=Path(), show_default="this folder",
              help="Where the recipe's relative paths start.")  # fmt: skip
@click.option("-o", "--output", type=FOLDER, required=True,
              help="Folder for checkpoints, weights and logs; an unfinished run in it goes on.")  # fmt: skip
@click.option(
    "--card", type=FILE, help="Text of the model's card (docs/card.md): checked now, kept in OUTPUT for its package."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--overwrite", is_flag=True, help="Begin anew, discarding the training run in OUTPUT.")
def train(recipe: Path, data: Path, output: Path, card: Path | None, device: str, overwrite: bool) -> None:
    """Train a network by RECIPE, a YAML file that names volumes, labels and settings.

    Needs the extra asem-core[train] (torch). A run that was stopped goes on where its last checkpoint left it. Watch it
    with: tensorboard --logdir OUTPUT
    """
    from asem_core.training import train as run

    with progress_bar() as progress:
        result = run(
            recipe,
            output,
            data_folder=data,
            registry=shared_registry(),
            card=card,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
    click.echo(f"{result}")
