"""Packages that leave out their PyTorch weights, which their ONNX graph gives: both files hold the same numbers.

The description states the file and its sha256 all the same. Nothing of ASEM reads it; other tools are given packages
that have it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asem_core.errors import ModelError
from asem_core.zoo.files import ONNX_NAME, STATE_DICT_NAME
from asem_core.zoo.guard.names import local_file
from asem_core.zoo.guard.onnx_file import check_onnx
from asem_core.zoo.manifest import MANIFEST
from asem_core.zoo.rdf import named_files, read_description
from asem_core.zoo.write.state_dict import state_dict_bytes

STATE_DICT_PLACE = "weights.pytorch_state_dict.source"
"""Where a description names it."""


def absent_state_dict(folder: Path) -> bytes | None:
    """The PyTorch file that the package of ours in ``folder`` states and leaves out; None: it leaves out none.

    Raises
    ------
    ModelError
        The graph gives another file than the stated one, or is not to be trusted.
    """
    named = next((file for file in named_files(read_description(folder)) if file.place == STATE_DICT_PLACE), None)
    path = folder / STATE_DICT_NAME
    if named is None or named.name != path.name or os.path.lexists(path) or not (folder / MANIFEST).is_file():
        return None
    onnx = local_file(folder, ONNX_NAME, STATE_DICT_PLACE)
    check_onnx(onnx)
    made = state_dict_bytes(onnx)
    if (found := hashlib.sha256(made).hexdigest()) != named.sha256:
        raise ModelError(
            f"{path} is missing, and what {ONNX_NAME} gives has the sha256 {found}, expected {named.sha256}: "
            "get the package again"
        )
    return made


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """The package in ``folder`` with all files that it states: itself, or a copy for as long as the block runs.

    Raises
    ------
    ModelError
        As `absent_state_dict`.
    """
    made = absent_state_dict(folder)
    if made is None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(folder, Path(scratch, "package"), ignore=shutil.ignore_patterns("__pycache__")))
        (copy / STATE_DICT_NAME).write_bytes(made)
        yield copy
