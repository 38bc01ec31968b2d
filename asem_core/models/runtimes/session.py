"""What a runtime hands over: a graph ready to run on blocks of one size."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import attrs
import numpy.typing as npt

from asem_core.blocks.executors import cores
from asem_core.errors import ModelError
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
    """None: as many as there are processors where it is opened."""

    def open(self) -> Session:
        """Open it here."""
        session: Session = resolve(self.runtime)(
            self.graph, shape=self.shape, precision=self.precision, threads=self.threads or cores()
        )
        return session


class PlannedSession:
    """A `Session` that is opened when it is first used; in another process it is opened anew."""

    def __init__(self, plan: SessionPlan) -> None:
        self._plan = plan
        self._session: Session | None = None
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[PlannedSession], tuple[SessionPlan]]:
        return PlannedSession, (self._plan,)

    def _opened(self) -> Session:
        self._session = self._session or self._plan.open()
        return self._session

    @property
    def runtime(self) -> str:
        """See `Session.runtime`."""
        with self._lock:
            return self._opened().runtime

    @property
    def precision(self) -> str:
        """See `Session.precision`."""
        return self._plan.precision

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Session.run`; one tensor at a time."""
        with self._lock:
            return self._opened().run(tensor)


def check_shape(tensor: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Refuse an input of another shape than the session's."""
    # The graph itself accepts wrong sizes and returns a wrong result, silently.
    if tensor.shape != shape:
        raise ModelError(f"this session runs inputs of {shape}, got {tensor.shape}")
