"""``asem zoo test``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.errors import ModelError

if TYPE_CHECKING:
    from asem_core.zoo.check import WeightFormat


@click.command(epilog="Example: asem zoo test mito-10nm")
@click.argument("package", metavar="ID|FOLDER")
@click.option("--weights", "weight_format", type=click.Choice(["onnx", "pytorch_state_dict"]), default="onnx",
              show_default=True, help="Which weights to test; pytorch_state_dict needs torch.")  # fmt: skip
def test(package: str, *, weight_format: WeightFormat) -> None:
    """Check the sha256 of a package's weights and run bioimage.io's own test on it."""
    from asem_core.cli.zoo.installed import model_named
    from asem_core.registry import make_registry
    from asem_core.zoo.check import bioimageio_test
    from asem_core.zoo.manifest import check_files
    from asem_core.zoo.package import open_package

    folder = Path(package)
    if folder.is_dir():
        spec = check_files(folder)
    else:
        spec = model_named(make_registry(), package)
        folder = open_package(spec).folder
    click.echo(f"{spec.id}: sha256 {spec.sha256}: as stated")
    report = bioimageio_test(folder, weight_format=weight_format)
    click.echo(f"{spec.id}: bioimageio.core {report.core_version}, {weight_format}: "
               f"{'passed' if report.passed else 'failed'}")  # fmt: skip
    if not report.passed:
        raise ModelError(f"bioimage.io's test of {folder} failed: {'; '.join(report.problems) or 'no reason given'}")
