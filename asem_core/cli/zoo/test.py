"""``asem zoo test``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import PLACE
from asem_core.errors import ModelError

if TYPE_CHECKING:
    from asem_core.zoo.validate import WeightFormat


@click.command()
@click.argument("package", metavar="ID|FOLDER|ZIP|URL", type=PLACE)
@click.option("--weights", "weight_format", type=click.Choice(["onnx", "pytorch_state_dict"]),
              help="Test only these; pytorch_state_dict needs torch.")  # fmt: skip
def test(package: str, *, weight_format: WeightFormat | None) -> None:
    """Check the files of a package and run bioimage.io's own test on it: the weights reproduce the test output.

    Of an installed model the PyTorch weights are tested too where torch is installed. Of any other only with
    --weights pytorch_state_dict: their test runs the package's own Python file, so trust it first.

    \b
    Examples:
      asem zoo test mito-10nm
      asem zoo test downloaded.zip
    """
    from asem_core.zoo.find import package_of
    from asem_core.zoo.guard.description import check_description
    from asem_core.zoo.manifest import MANIFEST, check_files
    from asem_core.zoo.validate import bioimageio_test

    with package_of(package, registry=shared_registry()) as folder:
        check_description(folder)
        if (folder / MANIFEST).exists():
            check_files(folder)
        click.echo(f"{package}: files as stated")
        for weights in [weight_format] if weight_format else _formats(package):
            report = bioimageio_test(folder, weight_format=weights)
            click.echo(f"{package}: bioimageio.core {report.core_version}, {weights}: "
                       f"{'passed' if report.passed else 'failed'}")  # fmt: skip
            if not report.passed:
                reasons = "; ".join(report.problems) or "no reason given"
                raise ModelError(f"bioimage.io's test of {package} failed: {reasons}")


def _formats(package: str) -> list[WeightFormat]:
    from importlib.util import find_spec

    from asem_core.zoo.find import is_path

    if is_path(package):
        return ["onnx"]
    if find_spec("torch") is None:
        click.echo(f"{package}: pytorch_state_dict: not tested, torch is not installed")
        return ["onnx"]
    return ["onnx", "pytorch_state_dict"]
