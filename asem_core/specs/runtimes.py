"""What runs an ONNX graph, and what observers of a run are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from asem_core.specs.fields import distinct_names, import_path, typed, word


@attrs.frozen(kw_only=True, field_transformer=typed)
class Precision:
    """An arithmetic that a runtime offers on this machine, and what it costs there."""

    name: str = attrs.field(validator=word)
    """``f32``, ``bf16``, ``int8`` ..., as in ``--precision``."""
    bytes_per_value: float = attrs.field(validator=validators.gt(0))
    """Peak bytes of a session for each value of the tensors that are alive at once in the graph, workspace included:
    what the preflight counts memory with."""
    speed: float = attrs.field(validator=validators.gt(0))
    """The graph's operations per second, in those of numpy's float32 matrix product on this machine's processor: what
    the preflight counts time with."""
    quantised: bool = False
    """Whether it runs a package's graph in 8-bit integers in place of its weights: models without one do not get it."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class Capabilities:
    """What a runtime can do on this machine."""

    precisions: tuple[Precision, ...] = attrs.field(validator=[validators.min_len(1), distinct_names])
    """``--precision auto`` takes the first that the model has."""
    rank: int
    """``--runtime auto`` takes the usable runtime with the highest. Core's: 10 ONNX Runtime on a processor,
    20 OpenVINO, 30 ONNX Runtime on a GPU."""
    device_memory: int | None = attrs.field(default=None, validator=validators.optional(validators.gt(0)))
    """Bytes that are free in the device's own memory; None: it works in the machine's, or does not know."""
    at_once: int = attrs.field(default=1, validator=validators.ge(1))
    """Threads that may run a session at once: on a device with memory of its own 2, so that one tile is copied while
    another is computed. Above 1, tiles are read and written by as many threads as there are processors."""
    rewrite: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """``rewrite(model: onnx.ModelProto) -> onnx.ModelProto``: what it runs in place of a graph of fixed shapes. Memory
    and time are estimated of that; None: it runs graphs as they are packaged."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class RuntimeSpec:
    """Something that runs an ONNX graph."""

    name: str = attrs.field(validator=word)
    """``asem segment --runtime NAME``."""
    summary: str
    """Which library, on what, in a few words, for lists."""
    probe: str = attrs.field(validator=import_path)
    """``probe() -> Capabilities | str``: what it can do on this machine; a text says why nothing, and what to
    install."""
    open: str = attrs.field(validator=import_path)
    """``open(model: Path, *, shape: tuple[int, ...], precision: str, threads: int)`` returns a
    `asem_core.models.runtimes.session.Session`; ``shape`` is that of the graph's whole input, ``precision`` the name of
    one that ``probe`` stated, ``model`` the quantised graph where it is a quantised one."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class RunEvent:
    """What `asem_run_finished` observers are told."""

    verb: str
    """Which has ended: ``segment``."""
    seconds: float
    """How long it took."""
    detail: Mapping[str, Any] = attrs.field(factory=dict)
    """Settings of the run, by name; plain values."""
