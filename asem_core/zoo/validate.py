"""Whether a package is sound: looked at (`problems`), and run by bioimage.io's own test (`bioimageio_test`)."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from asem_core.errors import ModelError
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.manifest import MANIFEST, check_files
from asem_core.zoo.rdf import description_path, read_description
from asem_core.zoo.whole import whole

WeightFormat = Literal["onnx", "pytorch_state_dict"]


def problems(folder: Path) -> tuple[str, ...]:
    """Everything that is wrong with the package in ``folder``, one line each; none: it is sound.

    Its files and their sha256, the ONNX graph, the pickle and the test tensors are looked at, ``model.json`` where
    ASEM wrote one, and last bioimage.io's own validation of the description. Nothing of the package is run.

    Examples
    --------
    >>> problems(Path("models/mito_10nm"))  # doctest: +SKIP
    ()
    """
    checks: list[Callable[[Path], object]] = [check_description]
    if (folder / MANIFEST).exists():
        checks.append(check_files)
    found = [str(error) for check in checks if (error := _refusal(check, folder)) is not None]
    return tuple(dict.fromkeys(found)) or _bioimageio_problems(folder)


def _refusal(check: Callable[[Path], object], folder: Path) -> ModelError | None:
    try:
        check(folder)
    except ModelError as error:
        return error
    return None


def _bioimageio_problems(folder: Path) -> tuple[str, ...]:
    with whole(folder) as package:
        found = as_bioimageio(package, files=True)
    return found if isinstance(found, tuple) else ()


def as_bioimageio(folder: Path, *, latest: bool = False, files: bool = False) -> Any:
    """The description in ``folder`` as bioimageio.spec has it; where it accepts none, a tuple of reasons, a line each.

    Parameters
    ----------
    latest
        In the newest format, whatever format it is written in.
    files
        Look at the files that it names, too.
    """
    from bioimageio.spec import InvalidDescr, load_description
    from pydantic import ValidationError

    path = description_path(folder)
    with warnings.catch_warnings():
        # bioimageio.spec leaves files to the garbage collector, and warns of what a description might say better.
        warnings.simplefilter("ignore")
        try:
            found = load_description(path, format_version="latest" if latest else "discover", perform_io_checks=files)
        except ValidationError as error:  # of what it looks at before it knows which format to hold it against
            return _no_text(folder) or tuple(_line(each["loc"], each["msg"]) for each in error.errors())
        finally:
            gc.collect()
    if not isinstance(found, InvalidDescr):
        return found
    errors = [_line(error.loc, error.msg) for detail in found.validation_summary.details for error in detail.errors]
    return tuple(dict.fromkeys(errors)) or (f"bioimage.io does not accept {path}",)


def _line(place: Sequence[object], said: str) -> str:
    return f"{'.'.join(map(str, place))}: {' '.join(said.split())}"


def _no_text(folder: Path) -> tuple[str, ...]:
    """What YAML takes for a number or a date where the description must have text."""
    values = read_description(folder)
    kinds: dict[str, type | tuple[type, ...]] = {"format_version": str, "id": str, "version": (str, int, float)}
    return tuple(
        f"{key}: must be text, got {values[key]}: put it in quotes"
        for key, kind in kinds.items()
        if key in values and not isinstance(values[key], kind)
    )


@attrs.frozen(kw_only=True)
class TestReport:
    """What bioimage.io's test said."""

    __test__ = False  # not a test class of pytest

    passed: bool
    core_version: str
    weight_format: str
    problems: tuple[str, ...] = ()


def bioimageio_test(folder: Path, *, weight_format: WeightFormat = "onnx") -> TestReport:
    """Run bioimageio.core's own test: format, files, and the reproduction of the test output.

    Parameters
    ----------
    folder
        The unpacked package.
    weight_format
        ``"onnx"``, or ``"pytorch_state_dict"`` where torch is installed.

    Raises
    ------
    ModelError
        There is no ``rdf.yaml``.
    """
    if not (folder / "rdf.yaml").is_file():
        raise ModelError(f"no bioimage.io package in {folder} (rdf.yaml is missing)")
    from importlib.metadata import version

    from bioimageio.core import test_model

    with whole(folder) as package, warnings.catch_warnings():
        # bioimageio.spec leaves the files that it hashes to the garbage collector.
        warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
        # bioimageio.core 0.9 says that its ONNX adapter ignores devices.
        warnings.filterwarnings("ignore", "Device management is not implemented for onnx", UserWarning)
        devices = ["CPUExecutionProvider" if weight_format == "onnx" else "cpu"]
        summary = test_model(package / "rdf.yaml", weight_format=weight_format, devices=devices)
        gc.collect()
    problems = tuple(_line(error.loc, error.msg) for detail in summary.details for error in detail.errors)
    passed = summary.status == "passed"
    return TestReport(
        passed=passed, core_version=version("bioimageio.core"), weight_format=weight_format, problems=problems
    )
