"""What a runtime hands over: a graph ready to run on blocks of one size."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt

from asem_core.errors import ModelError


class Session(Protocol):
    """A network opened for inputs of one shape."""

    @property
    def runtime(self) -> str:
        """Name of the runtime, and of the device it really runs on."""
        ...

    @property
    def precision(self) -> str:
        """Arithmetic in use: ``f32``, ``bf16``, or another that the runtime states."""
        ...

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The graph's output for its whole input ``tensor``, batch and channel axes included.

        Raises
        ------
        ModelError
            The input has another shape.
        """
        ...


def check_shape(tensor: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Refuse an input of another shape than the session's."""
    # The graph itself accepts wrong sizes and returns a wrong result, silently.
    if tensor.shape != shape:
        raise ModelError(f"this session runs inputs of {shape}, got {tensor.shape}")
