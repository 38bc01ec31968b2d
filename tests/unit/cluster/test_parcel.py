"""What travels to a worker, and what does not."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import attrs
import numpy as np
import pytest

from asem_core import Registry, Volume
from asem_core.analysis.view import View
from asem_core.cluster import parcel as module
from asem_core.cluster import worker
from asem_core.cluster.failure import FailedError
from asem_core.cluster.installed import installed
from asem_core.cluster.parcel import pack
from asem_core.errors import ClusterError, VolumeError
from asem_core.labels.blocks import LabelBlocks
from asem_core.models.runtimes.session import PlannedSession, SessionPlan
from asem_core.volume import source
from asem_core.volume.opening import open_volume


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process, as if it were a worker."""
    monkeypatch.setattr(worker, "where", lambda: "worker 7 on node")
    worker._open.clear()


def test_a_volume_travels_as_its_address(sections: Path, registry: Registry, image: np.ndarray) -> None:
    volume = open_volume(sections, registry=registry, voxel_size=(5, 4, 4))
    packed = pack(lambda: volume.read(volume.box))
    assert len(packed.content) < 4000
    np.testing.assert_array_equal(worker.answer(packed).result, image)
    next(sections.iterdir()).unlink()
    source._reopened.cache_clear()  # another process
    error = worker.answer(packed).error
    assert isinstance(error, ClusterError)
    assert re.match(r"worker 7 on node: .*another volume there, or was changed", str(error))


def test_a_volume_in_memory_does_not_travel(as_volume: Callable[..., Volume], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 999)
    small, large = (as_volume(np.zeros((1, 1, n), np.uint8)) for n in (999, 1000))
    assert worker.answer(pack(lambda: small.read(small.box))).result.size == 999
    with pytest.raises(ClusterError, match="give volumes by their address, not in memory"):
        pack(large.read)


def test_what_belongs_to_this_process_is_refused() -> None:
    lock = Lock()
    with pytest.raises(ClusterError, match=r"cannot be done on a cluster: .*lock"):
        pack(lambda: lock)


def test_views_and_labels_leave_the_display_behind(as_volume: Callable[..., Volume], tmp_path: Path) -> None:
    lock = Lock()

    def show(sweep: str, done: int, total: int) -> None:
        lock.acquire()

    volume = as_volume(np.ones((2, 3, 4), np.uint8))
    view = View(objects=volume, kind="labels", scratch=tmp_path, output=tmp_path, progress=show)
    labels = LabelBlocks(read=volume.read, shape=volume.shape, scratch=tmp_path, block=(2, 2, 2), progress=show)
    for known, made in ((view, pickle.loads(pack(view).content)), (labels, pickle.loads(pack(labels).content))):
        assert attrs.evolve(made, progress=show).blocks == known.blocks
        made.progress("s", 1, 2)
        assert not lock.locked()


def test_a_session_is_opened_where_it_is_used(toy: Any) -> None:
    plan = SessionPlan(
        runtime="asem_core.models.runtimes.onnx_runtime:open_session",
        graph=toy.onnx,
        shape=(1, 1, 112, 112, 112),
        precision="f32",
        threads=1,
    )
    session = PlannedSession(plan)
    tensor = np.random.default_rng(0).random(plan.shape, np.float32)
    before = session.run(tensor)
    packed = pack(lambda: session.run(tensor))
    assert str(toy.onnx) in packed.paths
    np.testing.assert_array_equal(worker.answer(packed).result, before)
    assert (session.runtime, session.precision) == ("onnxruntime (cpu)", "f32")


def test_a_registry_is_what_is_installed_there(registry: Registry) -> None:
    found = worker.answer(pack(lambda: registry)).result
    assert isinstance(found, Registry)
    assert set(registry.readers) <= set(found.readers)


def test_files_that_a_worker_does_not_see(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    packed = pack(lambda block: (folder / str(block)).exists())
    assert packed.paths == (str(folder),)
    assert worker.work(3, packed).result is False
    folder.rmdir()
    assert worker.work(3, packed).result is False  # it was seen when the task was opened
    worker._open.clear()
    error = worker.work(3, packed).error
    assert isinstance(error, ClusterError)
    assert str(error).startswith(f"worker 7 on node does not see {folder}: inputs, outputs and temporary files")


def test_other_versions_are_named_both() -> None:
    packed = pack(lambda block: block)
    assert worker.work(3, packed).result == 3
    theirs = attrs.evolve(packed, digest="other", installed={**installed(), "asem-core": "9.9", "asem-new": "1"})
    error = worker.work(3, theirs).error
    assert isinstance(error, ClusterError)
    assert str(error) == (
        f"worker 7 on node: it has asem-core {installed()['asem-core']}, here is 9.9; it has no asem-new, here is 1: "
        "install the same versions everywhere"
    )


def test_what_an_error_means_is_told_by_its_kind() -> None:
    def work(block: int) -> None:
        raise [VolumeError("damaged"), OSError(28, "full"), OSError(5, "I/O error")][block]

    packed = pack(work)
    assert [type(worker.work(block, packed).error) for block in (0, 1)] == [VolumeError, OSError]
    with pytest.raises(FailedError, match="I/O"):  # Dask tries again
        worker.work(2, packed)


def test_few_tasks_stay_open() -> None:
    packed = [pack(lambda block, n=n: block + n) for n in range(4)]
    assert [worker.work(1, each).result for each in packed] == [1, 2, 3, 4]
    assert list(worker._open) == [each.digest for each in packed[-2:]]
    assert not any(worker.busy(each.digest) for each in packed)
