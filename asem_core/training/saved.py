"""Files of ``torch.save``: written complete or not at all; read as tensors and plain values, whatever they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from asem_core.errors import ModelError


def write_saved(values: Any, path: Path) -> None:
    """Write ``values`` to ``path``, replacing what is there once they are on disk."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        torch.save(values, file)
    partial.replace(path)


def read_saved(path: Path) -> Any:
    """The contents of ``path``, tensors on the CPU. Nothing that the file holds is run.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ModelError
        It is damaged, none of PyTorch's, or holds more than tensors and plain values.
    """
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError:
        raise
    except Exception as error:  # on damage torch fails wherever its parser stumbles, assertions included
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ModelError(f"{path} is damaged, or no file of PyTorch: {reason}") from None
