"""Tiles in several threads round a session that takes two at once, as on a GPU: here the processor stands in for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest

from asem_core import open_volume, segment
from asem_core.blocks.executors import Threads
from asem_core.geometry import VoxelSize
from asem_core.hookspecs import hookimpl
from asem_core.models.runtimes import device
from asem_core.models.runtimes.session import Session
from asem_core.plugins import make_manager
from asem_core.registry import Registry
from asem_core.specs import Capabilities, RuntimeSpec
from asem_core.volume import Volume

ENGINE = "asem_core.predict.tiles"
"""The module: the package has a function of that name."""


class Beside:
    """The code of a GPU, on the processor."""

    @hookimpl
    def asem_register_runtimes(self) -> list[RuntimeSpec]:
        return [RuntimeSpec(name="beside", summary="", probe=f"{__name__}:probe", open=f"{__name__}:open_beside")]


def probe() -> Capabilities:
    return Capabilities(precisions=device.PRECISIONS, rank=0, at_once=device.BUFFERS)


def open_beside(model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> Session:
    return device.open_on(device.PROCESSOR, model, shape=shape, precision=precision, threads=threads)


@pytest.fixture
def both() -> Registry:
    return Registry(
        make_manager([SimpleNamespace(name="toy", load=Beside, dist=SimpleNamespace(name="t", version="1"))])
    )


@pytest.mark.parametrize("nm", [10.0, 5.0])
def test_threads_give_what_a_pipeline_gives(
    toy: Any,
    both: Registry,
    as_volume: Callable[..., Volume],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nm: float,
) -> None:
    raw = np.random.default_rng(0).integers(0, 256, (int(160 / nm), int(160 / nm), int(240 / nm)), np.uint8)
    volume = attrs.evolve(as_volume(raw), voxel_size=VoxelSize((nm,) * 3))
    threads = []

    def noted(workers: int) -> Threads:
        threads.append(workers)
        return Threads(workers)

    monkeypatch.setattr(sys.modules[ENGINE], "Threads", noted)

    def found(runtime: str, precision: str) -> Any:
        output = tmp_path / f"{runtime}_{precision}.zarr"
        segment(
            volume, output, organelle=toy.organelle, registry=both, runtime=runtime, precision=precision, tile=112,
            prob_dtype="float32",
        )  # fmt: skip
        written = open_volume(output, registry=both)
        return np.asarray(written.read(written.box))

    exact = found("onnxruntime", "f32")
    assert not threads
    np.testing.assert_array_equal(found("beside", "f32"), exact)
    assert threads
    assert min(threads) > device.BUFFERS
    half = found("beside", "f16")
    assert 0 < np.abs(half - exact).max() < 0.02
