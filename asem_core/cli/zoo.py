"""``asem zoo``: trained models as bioimage.io packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asem_core.cli.options import VOXEL_SIZE
from asem_core.errors import AsemError, ModelError
from asem_core.geometry import VoxelSize

if TYPE_CHECKING:
    from asem_core.registry import Registry
    from asem_core.specs import ModelSpec, OrganelleSpec
    from asem_core.zoo.check import WeightFormat

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def zoo() -> None:
    """Show, test and write model packages (bioimage.io)."""


@zoo.command("list", epilog="Example: asem zoo list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def list_(*, as_json: bool) -> None:
    """List the installed models."""
    from rich.console import Console
    from rich.table import Table

    from asem_core.registry import make_registry
    from asem_core.zoo.manifest import manifest_values

    registry = make_registry()
    found = _models(registry)
    if as_json:
        owners = {o.name: registry.organelles.plugin_of(o.name).distribution for o, _ in found}
        rows = [{"organelle": o.name, "distribution": owners[o.name], **manifest_values(m)} for o, m in found]
        click.echo(json.dumps(rows, indent=2))
        return
    if not found:
        click.echo("no model is installed: pip install asem-organelle-mito")
        return
    table = Table("model", "version", "organelle", "voxel nm", "distribution", "trained on", box=None, pad_edge=False)
    for organelle, model in found:
        voxel = " x ".join(f"{v:g}" for v in model.voxel_size_nm)
        owner = registry.organelles.plugin_of(organelle.name).distribution
        table.add_row(model.id, model.version, organelle.name, voxel, owner, model.trained_on)
    Console().print(table)


@zoo.command(epilog="Example: asem zoo path mito-10nm")
@click.argument("model", metavar="ID")
def path(model: str) -> None:
    """Print the folder of the package of the model ID."""
    from asem_core.registry import make_registry
    from asem_core.zoo.package import package_folder

    click.echo(package_folder(_model(make_registry(), model)))


@zoo.command(epilog="Example: asem zoo test mito-10nm")
@click.argument("package", metavar="ID|FOLDER")
@click.option("--weights", "weight_format", type=click.Choice(["onnx", "pytorch_state_dict"]), default="onnx",
              show_default=True, help="Which weights to test; pytorch_state_dict needs torch.")  # fmt: skip
def test(package: str, *, weight_format: WeightFormat) -> None:
    """Check the sha256 of a package's weights and run bioimage.io's own test on it."""
    from asem_core.registry import make_registry
    from asem_core.zoo.check import bioimageio_test
    from asem_core.zoo.manifest import check_files
    from asem_core.zoo.package import open_package

    folder = Path(package)
    if folder.is_dir():
        spec = check_files(folder)
    else:
        spec = _model(make_registry(), package)
        folder = open_package(spec).folder
    click.echo(f"{spec.id}: sha256 {spec.sha256}: as stated")
    report = bioimageio_test(folder, weight_format=weight_format)
    click.echo(f"{spec.id}: bioimageio.core {report.core_version}, {weight_format}: "
               f"{'passed' if report.passed else 'failed'}")  # fmt: skip
    if not report.passed:
        raise ModelError(f"bioimage.io's test of {folder} failed: {'; '.join(report.problems) or 'no reason given'}")


@zoo.command("package")
@click.argument("run", type=_FOLDER)
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder of the package.")
@click.option("--organelle", required=True, help="What the network finds; must be the recipe's.")
@click.option("--id", "model_id", required=True, help="Name of the model, such as mito-10nm.")
@click.option("--model-version", default="1.0.0", show_default=True, help="Version of the weights.")
@click.option("--card", "card_path", type=_FILE, required=True, help="YAML text of the card: data, licence, failures.")
@click.option("--sample", required=True, metavar="VOLUME",
              help="At least 160 voxels a side on the model's grid; parts of it are published.")  # fmt: skip
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, of a sample that does not state its own.")
@click.option("--scores", multiple=True, metavar="NAME=FILE",
              help="What `asem evaluate --json` printed for NAME; may be repeated, the model's own first.")  # fmt: skip
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Written into the card.  [default: today]")
@click.option("--overwrite", is_flag=True, help="Replace the package in OUTPUT.")
def package_(
    run: Path, *, output: Path, organelle: str, model_id: str, model_version: str, card_path: Path, sample: str,
    voxel_size: VoxelSize | None, scores: tuple[str, ...], date: Any, overwrite: bool,
) -> None:  # fmt: skip
    """Write the trained network of RUN, a folder that `asem train` filled, as a bioimage.io package.

    Exports ONNX and PyTorch weights (rounded to fp16), compares torch with the ONNX runtimes on a cube of the
    sample, and prints what the plugin registers; the plugin reads the same from model.json in the package. The same
    weights give the same ONNX file, so packaging again after scoring only adds the scores.

    \b
    Example:
      asem zoo package runs/mito_10nm -o asem_organelle_mito/models/mito_10nm --organelle mito \\
        --id mito-10nm --card mito_10nm.card.yaml --sample cell_5.zarr
    """
    from datetime import UTC, datetime

    from asem_core.zoo.card import load_card, load_scores

    try:
        from asem_core.train.package import package_run
    except ImportError as error:
        raise AsemError(f"packaging needs torch ({error}): pip install 'asem-core[train]'") from None
    from asem_core.registry import make_registry
    from asem_core.train.recipe import load_recipe
    from asem_core.zoo.manifest import manifest_values

    card = load_card(card_path)
    grid = VoxelSize(load_recipe(run / "recipe.yaml").voxel_size_nm)
    done = package_run(
        run, output, model_id=model_id, model_version=model_version, organelle=organelle, card=card,
        sample=_read_sample(make_registry(), sample, voxel_size, grid),
        scores=tuple(load_scores(*_named_file(entry)) for entry in scores),
        date=(date or datetime.now(UTC)).strftime("%Y-%m-%d"), overwrite=overwrite,
    )  # fmt: skip
    for entry in done.parity:
        click.echo(f"{entry.reference} against {entry.candidate}: largest difference {entry.max_abs_difference:.2e} "
                   f"on {entry.side}^3 voxels")  # fmt: skip
    click.echo(json.dumps(manifest_values(done.spec), indent=2))
    click.echo(f"package: {output}")


def _named_file(text: str) -> tuple[str, Path]:
    name, sign, file = text.rpartition("=")
    if not name or not sign or not file:
        raise AsemError(f"--scores is NAME=FILE, such as 'validation part=scores.json'; got {text!r}")
    return name, Path(file)


def _read_sample(registry: Registry, uri: str, voxel_size: VoxelSize | None, grid: VoxelSize) -> Any:
    from asem_core.preprocess.border import to_grey_range
    from asem_core.volume import open_volume

    volume = open_volume(uri, registry=registry, voxel_size=voxel_size)
    if any(abs(have / want - 1) > 0.1 for have, want in zip(volume.voxel_size.zyx, grid.zyx, strict=True)):
        raise ModelError(
            f"the sample {uri} has voxels of {volume.voxel_size.zyx} nm, the model {grid.zyx} nm: "
            "give a sample on the model's grid"
        )
    return to_grey_range(volume.read(volume.box))


def _models(registry: Registry) -> list[tuple[OrganelleSpec, ModelSpec]]:
    return [(organelle, model) for organelle in registry.organelles.values() for model in organelle.models]


def _model(registry: Registry, model_id: str) -> ModelSpec:
    found = _models(registry)
    for _, model in found:
        if model.id == model_id:
            return model
    there = ", ".join(model.id for _, model in found) or "none"
    broken = "".join(f"; the plugin {p.name!r} is broken: {p.error}" for p in registry.organelles.broken)
    raise ModelError(f"no model {model_id!r} and no such folder; installed models: {there}{broken}")
