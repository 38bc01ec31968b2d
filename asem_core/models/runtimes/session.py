"""What a runtime hands over: a graph ready to run on blocks of one size."""

from __future__ import annotations

from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any, Protocol

import attrs
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.processors import cores
from asem_core.registry import resolve


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


@attrs.frozen(kw_only=True)
class SessionPlan:
    """A session that is to be opened."""

    runtime: str
    """``"package.module:function"`` that opens it."""
    graph: Path
    shape: tuple[int, ...]
    precision: str
    threads: int | None
    """None: one a core of where it is opened."""
    at_once: int = 1
    """Tensors that it runs at once, see `asem_core.specs.Capabilities`."""

    def open(self) -> Session:
        """Open it here."""
        session: Session = resolve(self.runtime)(
            self.graph, shape=self.shape, precision=self.precision, threads=self.threads or cores()
        )
        return session


class PlannedSession:
    """A `Session` that is opened when it is first used, after `close` too; in another process it is opened anew."""

    def __init__(self, plan: SessionPlan) -> None:
        self._plan = plan
        self._session: Session | None = None
        self._opening = Lock()
        self._turn = BoundedSemaphore(plan.at_once)

    def __reduce__(self) -> tuple[type[PlannedSession], tuple[SessionPlan]]:
        return PlannedSession, (self._plan,)

    def _opened(self) -> Session:
        with self._opening:
            self._session = self._session or self._plan.open()
            return self._session

    def close(self) -> None:
        """Give its memory back: it keeps that of its largest run."""
        with self._opening:
            self._session = None

    @property
    def runtime(self) -> str:
        """See `Session.runtime`."""
        return self._opened().runtime

    @property
    def precision(self) -> str:
        """See `Session.precision`."""
        return self._plan.precision

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Session.run`; a thread waits until it is its turn."""
        with self._turn:
            return self._opened().run(tensor)


def check_shape(tensor: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Refuse an input of another shape than the session's."""
    # The graph itself accepts wrong sizes and returns a wrong result, silently.
    if tensor.shape != shape:
        raise ModelError(f"this session runs inputs of {shape}, got {tensor.shape}")
