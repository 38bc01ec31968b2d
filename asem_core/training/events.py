"""Numbers of a run as TensorBoard events, written at once: torch's own writer does it in a thread, where errors end."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

_VERSION = "brain.Event:2"


class Events:
    """A file of events in ``folder``, which is made; numbers of iterations from ``begins_at`` on replace older ones."""

    def __init__(self, folder: Path, *, begins_at: int) -> None:
        folder.mkdir(exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._records = RecordWriter((folder / name).open("wb", buffering=0))
        self._add(Event(file_version=_VERSION))
        self._add(Event(step=begins_at, file_version=_VERSION))
        self._add(Event(step=begins_at, session_log=SessionLog(status=SessionLog.START)))

    def add(self, name: str, value: float, iteration: int) -> None:
        """One number."""
        self._add(Event(step=iteration, summary=Summary(value=[Summary.Value(tag=name, simple_value=value)])))

    def add_text(self, name: str, text: str, iteration: int) -> None:
        """A remark."""
        kind = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()])
        self._add(Event(step=iteration, summary=Summary(value=[Summary.Value(tag=name, metadata=kind, tensor=tensor)])))

    def close(self) -> None:
        """No more numbers."""
        self._records.close()

    def _add(self, event: Event) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())
