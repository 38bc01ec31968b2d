"""PyTorch weights without PyTorch: whether the pickle inside holds tensors only. It is read, never run."""

from __future__ import annotations

import pickletools
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from asem_core.errors import ModelError

_MOST_BYTES = 256 * 2**20
"""Of the pickle: names, shapes and structure. The values of the tensors lie beside it."""
_LEGACY_PICKLES = 5
"""Before torch 1.6 a file held a magic number, a version, facts of the system, the weights and the tensors' keys."""
_TENSORS_ONLY = re.compile(
    r"collections OrderedDict"
    r"|torch (\w+Storage|float\w*|bfloat16|half|double|u?int\d+|long|short|bool|Size|device)"
    r"|torch\.storage (UntypedStorage|TypedStorage|_TypedStorage)"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|parameter|parameter_with_state|qtensor|sparse_tensor)"
    r"|torch\.nn\.parameter Parameter"
    r"|torch\.serialization _get_layout"
)
"""What a state dict names: the kinds that ``torch.load(weights_only=True)`` allows too."""
_BY_NAME = {"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"}
"""Opcodes that call by a name from the stack or a registry. ``torch.save`` does not write them."""


def check_state_dict(path: Path) -> None:
    """Refuse PyTorch weights whose pickle could run code when it is loaded.

    Parameters
    ----------
    path
        What ``torch.save(model.state_dict(), path)`` wrote, by any version of torch.

    Raises
    ------
    ModelError
        The pickle names anything but tensors and the mappings that hold them, or the file is no such pickle.
    """
    try:
        for opcode, argument in _opcodes(path):
            if opcode in _BY_NAME or (opcode == "GLOBAL" and not _TENSORS_ONLY.fullmatch(argument)):
                asked = argument.replace(" ", ".") or opcode
                raise ModelError(
                    f"{path}: its pickle asks for {asked}, which is code and not weights; nothing of it was run: "
                    "get the package from a source that you trust"
                )
    except (ValueError, OSError, EOFError, KeyError, IndexError, zlib.error, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} holds no PyTorch weights ({error}): get the package again") from None


def _opcodes(path: Path) -> Iterator[tuple[str, str]]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            for _ in range(_LEGACY_PICKLES):
                yield from _of_pickle(file)
        return
    with zipfile.ZipFile(path) as archive:
        pickles = [entry for entry in archive.infolist() if entry.filename.endswith(".pkl")]
        if not pickles:
            raise ValueError("the archive has no data.pkl")
        for entry in pickles:
            if entry.file_size > _MOST_BYTES:
                raise ValueError(f"{entry.filename} takes {entry.file_size / 1e6:.0f} MB")
            with archive.open(entry) as inside:
                yield from _of_pickle(inside)


def _of_pickle(file: IO[bytes]) -> Iterator[tuple[str, str]]:
    for opcode, argument, _ in pickletools.genops(file):
        yield opcode.name, str(argument if argument is not None else "")
