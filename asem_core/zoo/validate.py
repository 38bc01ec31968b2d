"""What is wrong with a package, found without running it."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from pathlib import Path

from asem_core.errors import ModelError
from asem_core.zoo.manifest import MANIFEST, check_files
from asem_core.zoo.rdf import check_description, description_path


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
    from bioimageio.spec import InvalidDescr, load_description

    with warnings.catch_warnings():
        # bioimageio.spec leaves the files that it hashes to the garbage collector.
        warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
        description = load_description(description_path(folder), perform_io_checks=True)
        gc.collect()
    if not isinstance(description, InvalidDescr):
        return ()
    errors = [
        f"{'.'.join(str(part) for part in error.loc)}: {' '.join(error.msg.split())}"
        for detail in description.validation_summary.details
        for error in detail.errors
    ]
    return tuple(dict.fromkeys(errors)) or (f"bioimage.io does not accept {description_path(folder)}",)
