"""What a runtime hands over: a graph ready to run on blocks of one size."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt


class Session(Protocol):
    """A network opened for inputs of one shape."""

    @property
    def runtime(self) -> str:
        """Name of the runtime, and of the device it really runs on."""
        ...

    @property
    def precision(self) -> str:
        """Arithmetic in use: ``f32``, ``bf16`` or ``f16``."""
        ...

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The graph's output for its whole input ``tensor``, batch and channel axes included.

        Raises
        ------
        ModelError
            The input has another shape.
        """
        ...
