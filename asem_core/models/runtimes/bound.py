"""A session of ONNX Runtime whose input and output lie in buffers of the device, made once.

Nothing is allocated while tiles run. Each thread that runs one takes a pair of buffers::

    thread 1    to the device | compute | back              to the device | ...
    thread 2                  to the device | (waits) compute | back
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.models.runtimes.session import check_shape


class BoundSession:
    """See `asem_core.models.runtimes.session.Session`; as many threads as there are buffers may run it at once.

    Parameters
    ----------
    session
        An ``onnxruntime.InferenceSession`` with one input, float32, whose shape is fixed, and one output that is used.
    shape
        Of the input.
    device
        As ONNX Runtime calls it: ``cuda``, or ``cpu``, where the buffers lie in the machine's memory.
    runtime, precision
        What it says of itself.
    buffers
        Pairs of an input and an output.
    """

    def __init__(
        self, session: Any, shape: tuple[int, ...], *, device: str, runtime: str, precision: str, buffers: int
    ) -> None:
        self.runtime, self.precision = runtime, precision
        self._session, self._shape = session, shape
        # A network fills a device: a second one beside it would take memory and gain nothing.
        self._computing = Lock()
        self._free: SimpleQueue[_Buffers] = SimpleQueue()
        for _ in range(buffers):
            self._free.put(_Buffers(session, shape, device))

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Session.run`."""
        check_shape(tensor, self._shape)
        buffers = self._free.get()
        try:
            buffers.given.update_inplace(np.ascontiguousarray(tensor, np.float32))
            with self._computing:
                self._session.run_with_iobinding(buffers.binding)
            return buffers.result()
        finally:
            self._free.put(buffers)


class _Buffers:
    """An input and an output on the device, bound to a session."""

    def __init__(self, session: Any, shape: tuple[int, ...], device: str) -> None:
        from onnxruntime import OrtValue

        (given,), result = session.get_inputs(), session.get_outputs()[0]
        self.given = OrtValue.ortvalue_from_shape_and_type(list(shape), np.float32, device, 0)
        self.binding = session.io_binding()
        self.binding.bind_ortvalue_input(given.name, self.given)
        if all(isinstance(n, int) for n in result.shape):
            made = OrtValue.ortvalue_from_shape_and_type(result.shape, np.float32, device, 0)
            self.binding.bind_ortvalue_output(result.name, made)
        else:  # known after a run only
            self.binding.bind_output(result.name, device)

    def result(self) -> npt.NDArray[Any]:
        """A copy of the output in the machine's memory."""
        return np.array(self.binding.get_outputs()[0].numpy())
