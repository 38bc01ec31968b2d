"""Jobs on Dask workers: the laptop's output bit for bit, whoever dies meanwhile."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import cloudpickle
import numpy as np
import pytest
from distributed import Client, LocalCluster, WorkerPlugin

import asem_core
from asem_core import Registry
from asem_core.blocks.executors import Task, ask, map_blocks, running_on
from asem_core.blocks.fill import produce
from asem_core.blocks.job import Job, run
from asem_core.blocks.journal import load
from asem_core.blocks.verify import status, verify
from asem_core.cluster import Dask, connect, executing, worker
from asem_core.cluster import executor as module
from asem_core.cluster.installed import installed
from asem_core.cluster.own import OwnDevices
from asem_core.errors import BlockError, ClusterError, OutputError, VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.memory import available_memory, gpu_free_memory
from asem_core.processors import processors
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan

from ..forks import Forks
from ..jobs import VERBS, Undisturbed, Verb, contents, write_noise

ON_CLUSTER = {"convert", "preprocess", "mask", "labels prepare", "instances", "segment", "segment --instances"}
"""Verbs of `tests.jobs` that take ``--dask``."""
KILLS = 3 * int(os.environ.get("ASEM_KILLS", "1"))
SEED = os.environ.get("ASEM_SEED", "15")
_TILE = re.compile(r"\d+:\d+,\d+:\d+,\d+:\d+")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of workers that are killed
]
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not find this file


class Counting(WorkerPlugin):
    """Writes down every block that a worker begins."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        """Called by the worker for each change of a task."""
        if finish == "executing" and isinstance(key, tuple):
            with self.file.open("a") as file:
                file.write(f"{key[-1]}\n")


@attrs.frozen
class Cluster:
    """Two workers and what they have begun."""

    client: Client
    file: Path

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return str(self.client.scheduler.address)

    @contextmanager
    def begun(self) -> Iterator[Counter[str]]:
        """Tiles that are begun within this context, and how often; filled at its end."""
        found: Counter[str] = Counter()
        self.file.write_text("")
        yield found
        found.update(line for line in self.file.read_text().splitlines() if _TILE.fullmatch(line))

    def kill_one(self, chance: random.Random) -> bool:
        """Kill -9 one of two workers, if both are there; another one takes its place."""
        pids = list(self.client.run(os.getpid, on_error="ignore").values())
        if len(pids) == 2:
            os.kill(chance.choice(pids), signal.SIGKILL)
        return len(pids) == 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Slow to start: one for all."""
    file = tmp_path_factory.mktemp("cluster") / "begun"
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, silence_logs=50, dashboard_address="127.0.0.1:0") as made,
        Client(made) as client,
    ):
        client.register_plugin(Counting(file))
        # A nanny whose worker is killed while it starts gives up.
        made.adapt(minimum=2, maximum=2)
        yield Cluster(client, file)


@pytest.mark.parametrize(
    "verb",
    [verb for verb in VERBS if any(verb.words.startswith(name) for name in ON_CLUSTER)],
    ids=lambda verb: verb.name,
)
def test_the_output_is_the_laptops(
    verb: Verb,
    cluster: Cluster,
    forks: Forks,
    inputs: dict[str, Path],
    undisturbed: Callable[[Verb], Undisturbed],
    tmp_path: Path,
) -> None:
    out = tmp_path / verb.output
    ended = forks.run([*verb.typed(inputs, out), "--dask", cluster.address], tmp_path)
    assert ended.code == 0, ended.told
    assert contents(out) == undisturbed(verb).files
    assert verify(out).sound
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([out.name, f"{out.name}.journal.jsonl"])
    assert re.search(r"2 workers; Dask's dashboard: http://.*\n", ended.told)
    assert re.search(r"\d+ blocks by [12] workers, \S+ s each on average; the slowest: ", ended.told)


def test_scores_and_measurements_are_the_laptops(cluster: Cluster, inputs: dict[str, Path], tmp_path: Path) -> None:
    labels = str(inputs["labels"])
    common: dict[str, Any] = {"organelle": "er", "block": (32, 32, 64)}
    scores = [asem_core.evaluate(labels, labels, **common, executor=e).to_json() for e in (None, cluster.client)]
    assert scores[0] == scores[1]
    objects = [
        asem_core.evaluate_objects(labels, labels, block=(32, 32, 64), executor=e).to_json()
        for e in (None, cluster.client)
    ]
    assert objects[0] == objects[1]
    tables = [
        asem_core.analyze(
            labels, tmp_path / str(n), analysis="objects", block=(32, 32, 64), params={"instances": True}, executor=e
        )
        for n, e in enumerate((None, cluster.client))
    ]
    assert tables[0].sizes["object"] > 0
    assert tables[0].drop_attrs().identical(tables[1].drop_attrs())
    assert contents(tmp_path / "0" / "instances.zarr").keys() == contents(tmp_path / "1" / "instances.zarr").keys()


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_noise(tmp_path_factory.mktemp("volume") / "cell.zarr")


@pytest.fixture
def segmented(toy: Any, volume: Path, registry: Registry) -> Callable[..., Path]:
    """``segmented(out, executor)``: ``volume`` by the toy network, in 180 tiles."""

    def call(out: Path, executor: Any = None) -> Path:
        return asem_core.segment(
            volume,
            out,
            organelle=toy.organelle,
            registry=registry,
            tile=112,
            runtime="onnxruntime",
            workers=1,
            executor=executor,
        ).path

    return call


def test_several_organelles_in_one_pass(
    cluster: Cluster, toy: Any, volume: Path, registry: Registry, tmp_path: Path
) -> None:
    specs = (toy.organelle, attrs.evolve(toy.organelle, name="other", threshold=0.4))

    def outputs(folder: Path, executor: Any) -> list[dict[str, bytes]]:
        wanted = [asem_core.Wanted(organelle=spec, output=folder / f"{spec.name}.zarr") for spec in specs]
        made = asem_core.segment_together(
            volume,
            wanted,
            registry=registry,
            roi=Box((0, 0, 0), (16, 16, 16)),
            tile=112,
            runtime="onnxruntime",
            workers=1,
            executor=executor,
        )
        return [contents(each.path) for each in made]

    with cluster.begun() as begun:
        there = outputs(tmp_path / "there", cluster.client)
    assert there == outputs(tmp_path / "here", None)
    assert there[0] != there[1]
    assert begun.total() == 8


def test_workers_that_die_cost_their_blocks_time(
    cluster: Cluster, segmented: Callable[..., Path], tmp_path: Path
) -> None:
    whole = contents(segmented(tmp_path / "here" / "out.zarr"))
    chance, over, kills = random.Random(SEED), threading.Event(), [0]

    def kill() -> None:
        while kills[0] < KILLS and not over.wait(chance.uniform(0.2, 2)):
            kills[0] += cluster.kill_one(chance)

    killer = threading.Thread(target=kill)
    with cluster.begun() as begun:
        killer.start()
        try:
            out = segmented(tmp_path / "there" / "out.zarr", Dask(client=cluster.client))
        finally:
            over.set()
            killer.join()
    assert contents(out) == whole
    assert verify(out).sound
    assert kills[0] > 0
    journal = load(out)
    assert journal is not None
    tiles = journal.done("predict")
    assert set(begun) >= tiles
    print(f"{kills[0]} workers killed, {sum(begun[tile] for tile in tiles)} begun for {len(tiles)} tiles")
    # A worker has one thread: what it was at is begun again, and what had just ended if its report died with it.
    assert sum(begun[tile] for tile in tiles) <= len(tiles) + 2 * kills[0]


DRIVER = """
import sys
from pathlib import Path
import asem_core, attrs, cloudpickle
from distributed import Client
from asem_core import Registry
from asem_core.plugins import make_manager
if __name__ == "__main__":
    organelle, package, volume, out, address = cloudpickle.loads(Path(sys.argv[1]).read_bytes())
    sys.path.insert(0, package)
    with Client(address) as client:
        asem_core.segment(volume, out, organelle=organelle, registry=Registry(make_manager([])), tile=112,
                          runtime="onnxruntime", workers=1, executor=client)
"""


def test_a_driver_that_dies_is_started_again(
    cluster: Cluster, segmented: Callable[..., Path], toy: Any, volume: Path, tmp_path: Path
) -> None:
    whole = contents(segmented(tmp_path / "here" / "out.zarr"))
    out, given, script = tmp_path / "there" / "out.zarr", tmp_path / "given", tmp_path / "driver.py"
    given.write_bytes(
        cloudpickle.dumps((toy.organelle, str(toy.onnx.parents[2]), str(volume), str(out), cluster.address))
    )
    script.write_text(DRIVER)
    kills, again = 0, 0
    for attempt in range(KILLS + 1):
        before = load(out)
        done = set() if before is None else before.done("predict")
        with cluster.begun() as begun:
            driver = subprocess.Popen([sys.executable, str(script), str(given)])
            if attempt < KILLS:
                _wait_for(partial(_has_got_on, out, driver, tiles=len(done) + 3))
                driver.kill()
            code = driver.wait()
        kills += code == -signal.SIGKILL
        assert code in (0, -signal.SIGKILL)
        again += sum(begun[tile] for tile in done)
    print(f"{kills} drivers killed, {again} tiles of the journal begun again")
    assert kills > 0
    assert again == 0  # nothing that was in the journal
    assert contents(out) == whole
    assert verify(out).sound


def _has_got_on(out: Path, driver: subprocess.Popen[bytes], *, tiles: int) -> bool:
    journal = load(out)
    return driver.poll() is not None or (journal is not None and len(journal.done("predict")) >= tiles)


def _wait_for(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_scheduler_holds_few_tasks(cluster: Cluster) -> None:
    seen = []
    with closing(Dask(client=cluster.client).run(Task(read=lambda n: n + 1), range(1000))) as outcomes:
        found = {}
        for outcome in outcomes:
            found[outcome.block] = outcome.result
            if outcome.block % 100 == 0:
                seen.append(cluster.client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))
    assert found == {n: n + 1 for n in range(1000)}
    assert max(seen) <= module.MOST + 1


def test_closing_waits_for_what_runs_and_begins_nothing_more(cluster: Cluster, tmp_path: Path) -> None:
    def slow(number: int) -> int:
        (tmp_path / f"{number} begun").touch()
        time.sleep(0.5)
        (tmp_path / f"{number} ended").touch()
        return number

    with closing(Dask(client=cluster.client).run(Task(read=slow), range(100))) as outcomes:
        next(outcomes)
    begun = {path.name.split()[0] for path in tmp_path.glob("* begun")}
    assert begun == {path.name.split()[0] for path in tmp_path.glob("* ended")}
    assert len(begun) < 10
    time.sleep(1)
    assert len(list(tmp_path.glob("* begun"))) == len(begun)


def test_failures_name_the_block_and_the_worker(cluster: Cluster, tmp_path: Path) -> None:
    job = adding(tmp_path / "out.zarr", lambda box: _fail(VolumeError("damaged")) if box.start[0] else None)
    with running_on(Dask(client=cluster.client)), pytest.raises(BlockError, match=r"1 of 2 blocks failed"):
        run(job)
    (failed,) = status(tmp_path / "out.zarr").failed
    assert re.fullmatch(r"damaged \(on worker \d on \S+\)", str(failed.failed))


class HomelyError(VolumeError):
    """As a plugin's reader may raise it: it cannot be packed."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


class TwoPartsError(Exception):
    """As a plugin's runtime may raise it: it can be packed, and not unpacked."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} {why}")


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (HomelyError, r"damaged, said by a plugin \(on worker \d on \S+\)"),
        (
            partial(TwoPartsError, why="at all"),
            r"TwoPartsError: damaged, said by a plugin at all \(on worker \d on \S+\)",
        ),
    ],
)
def test_errors_that_cannot_be_sent_are_told(
    raised: Callable[[str], Exception], told: str, cluster: Cluster, tmp_path: Path
) -> None:
    def fail(box: Box) -> None:
        if box.start[0]:
            raise raised("damaged, said by a plugin")

    with running_on(Dask(client=cluster.client)), pytest.raises(BlockError, match=r"1 of 2 blocks failed"):
        run(adding(tmp_path / "out.zarr", fail))
    (failed,) = status(tmp_path / "out.zarr").failed
    assert re.fullmatch(told, str(failed.failed))


def test_where_it_happened_is_told(cluster: Cluster) -> None:
    (outcome,) = Dask(client=cluster.client).run(Task(read=lambda _: _fail(HomelyError("damaged"))), [0])
    assert isinstance(outcome.error, VolumeError)
    assert "in _fail" in "".join(outcome.error.__notes__)


def test_a_result_that_cannot_be_sent_is_told(cluster: Cluster) -> None:
    with running_on(Dask(client=cluster.client)), pytest.raises(BlockError, match="TypeError: cannot pickle"):
        map_blocks(lambda _: threading.Lock(), [0], sweep="s")


def test_a_full_disk_on_a_worker(cluster: Cluster, tmp_path: Path) -> None:
    job = adding(tmp_path / "out.zarr", lambda box: _fail(OSError(28, "No space left on device")))
    with (
        running_on(Dask(client=cluster.client)),
        pytest.raises(OutputError, match=r"worker \d on \S+: a disk that it writes to has no space left"),
    ):
        run(job)


def test_a_block_that_kills_workers_is_not_tried_for_ever(cluster: Cluster) -> None:
    cluster.client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
    (outcome,) = Dask(client=cluster.client).run(Task(read=lambda _: os._exit(1)), [7])
    cluster.client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 10))
    assert isinstance(outcome.error, BlockError)
    assert "1 workers died with it, the last one at tcp://" in str(outcome.error)


def test_workers_with_other_versions_are_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "installed", lambda: {**installed(), "asem-core": "9.9"})
    with (
        pytest.raises(
            ClusterError, match=rf"worker \d on \S+: it has asem-core {re.escape(installed()['asem-core'])}, here is 9"
        ),
        executing(cluster.client),
    ):
        pass


def test_what_uses_a_gpu_goes_to_workers_that_have_one(cluster: Cluster) -> None:
    _wait_for(lambda: len(cluster.client.nthreads()) == 2)

    async def state(number: int, dask_worker: Any = None) -> None:
        await dask_worker.set_resources(GPU=number)

    first = next(iter(cluster.client.nthreads()))
    cluster.client.run(state, 1, workers=[first])
    try:
        with running_on(Dask(client=cluster.client)):
            assert {ask(_address, gpu=True) for _ in range(4)} == {first}
            with closing(Dask(client=cluster.client).run(Task(read=lambda _: _address(), gpu=True), range(4))) as found:
                assert {outcome.result for outcome in found} == {first}
            slow = map_blocks(lambda _: time.sleep(0.2) or _address(), list(range(8)), sweep="s")
            assert len(set(slow)) == 2
    finally:
        cluster.client.run(state, 0, workers=[first])


def test_each_gpu_of_a_machine_has_one_worker(cluster: Cluster) -> None:
    _wait_for(lambda: len(cluster.client.nthreads()) == 2)

    def seen() -> str | None:
        return os.environ.get("CUDA_VISIBLE_DEVICES")

    cluster.client.register_plugin(OwnDevices(2, ["GPU-5ae1"]), name="devices")
    try:
        with running_on(Dask(client=cluster.client)):
            assert {ask(seen, gpu=True) for _ in range(4)} == {"GPU-5ae1"}
        assert sorted(cluster.client.run(seen).values()) == ["", "GPU-5ae1"]
    finally:
        cluster.client.unregister_worker_plugin("devices")
        cluster.client.run(_without_gpu)


async def _without_gpu(dask_worker: Any = None) -> None:
    del os.environ["CUDA_VISIBLE_DEVICES"]
    await dask_worker.set_resources(GPU=0)


def test_workers_that_share_a_gpu_are_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [worker.Introduced(name=f"worker {n} on node", installed=installed(), gpu="GPU-5ae1") for n in range(2)]
    monkeypatch.setattr(cluster.client, "run", lambda *_, **__: dict(enumerate(answers)))
    with (
        pytest.raises(ClusterError, match=r"worker 0 on node and worker 1 on node compute on one GPU \(GPU-5ae1\)"),
        executing(cluster.client),
    ):
        pass


def test_a_worker_says_which_gpu_it_states(cluster: Cluster, tmp_path: Path) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\necho '0, GPU-5ae1'\necho '1, GPU-99c0'\n")
    command.chmod(0o755)
    first, second = cluster.client.nthreads()

    async def state(dask_worker: Any = None) -> None:
        os.environ["PATH"] = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        os.environ["CUDA_VISIBLE_DEVICES"] = "1"
        await dask_worker.set_resources(GPU=1)

    cluster.client.run(state, workers=[first])
    try:
        found = cluster.client.run(worker.introduce)
        assert (found[first].gpu, found[second].gpu) == ("GPU-99c0", None)
    finally:
        cluster.client.run(_without_gpu, workers=[first])


def test_a_worker_that_comes_late_to_a_gpu_that_is_taken_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"tcp://first": worker.Introduced(name="worker 0 on node", installed=installed(), gpu="GPU-5ae1")}
    late = worker.Introduced(name="worker 1 on node", installed=installed(), gpu="GPU-5ae1")
    of_client = cluster.client.run
    monkeypatch.setattr(module, "_LOOK_S", 0.0)
    monkeypatch.setattr(cluster.client, "nthreads", lambda: dict.fromkeys(there, 1))
    monkeypatch.setattr(
        cluster.client,
        "run",
        lambda asked, *a, **kw: there if asked is worker.introduce else of_client(asked, *a, **kw),
    )
    with closing(Dask(client=cluster.client).run(Task(read=_unchanged, gpu=True), range(200))) as outcomes:
        assert next(outcomes).error is None
        there["tcp://second"] = late
        with pytest.raises(ClusterError, match="worker 0 on node and worker 1 on node compute on one GPU"):
            list(outcomes)


def _unchanged(number: int) -> int:
    return number


@pytest.mark.parametrize("error", [VolumeError("damaged"), HomelyError("damaged")])
def test_errors_of_questions_come_back(cluster: Cluster, error: Exception) -> None:
    kind, text = type(error), str(error)
    with running_on(Dask(client=cluster.client)), pytest.raises(VolumeError) as told:
        ask(lambda: _fail(kind(text)))
    assert str(told.value) == "damaged"


def test_errors_of_questions_that_are_not_ours_are_told_in_a_line(cluster: Cluster) -> None:
    with (
        running_on(Dask(client=cluster.client)),
        pytest.raises(ClusterError, match=r"^ValueError: nonsense \(on worker \d on \S+\)$"),
    ):
        ask(lambda: _fail(ValueError("nonsense")))


def _address() -> str:
    from distributed import get_worker

    return str(get_worker().address)


def _fail(error: Exception) -> None:
    raise error


def adding(destination: Path, before: Callable[[Box], None]) -> Job:
    """A job of two blocks that calls ``before`` for each."""
    plan = OmePlan(
        image=ArrayPlan(shape=(4, 8, 8), dtype="uint8", chunk=(2, 8, 8)),
        voxel_size=VoxelSize((5, 5, 5)),
        lower_edge_nm=(0, 0, 0),
    )

    def compute(box: Box) -> dict[str, Any]:
        before(box)
        return {IMAGE: np.ones(box.shape, np.uint8)}

    return Job(
        verb="asem add",
        destination=destination,
        plan=plan,
        fill=produce(lambda _: compute, sweep="adding", block=(2, 8, 8), plan=plan),
        inputs={},
    )


def test_local_workers_have_processors_of_their_own() -> None:
    with connect("local:2") as dask, running_on(dask):
        found = dict(map_blocks(lambda _: (time.sleep(0.2), _processors())[1], list(range(8)), sweep="s"))
        assert ask(available_memory) < 0.5 * available_memory()
    assert len(found) == 2
    one, other = found.values()
    assert one
    assert one.isdisjoint(other) or processors() == 1


def test_local_workers_have_gpus_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two made-up GPUs, of which other programs use the second, for three workers."""
    command = tmp_path / "nvidia-smi"
    command.write_text(
        "#!/bin/sh\ncase $1 in\n"
        "*memory*) echo '0, GPU-5ae1, 81037'; echo '1, GPU-99c0, 512';;\n"
        "*) echo '0, GPU-5ae1'; echo '1, GPU-99c0';;\nesac\n"
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("asem_core.models.runtimes.device.has_cuda", lambda: True)
    with connect("local:3") as dask:
        seen = dask.client.run(lambda dask_worker: (worker.introduce(dask_worker).gpu, gpu_free_memory()))
    assert set(seen.values()) == {("GPU-5ae1", 81037 * 2**20), ("GPU-99c0", 512 * 2**20), (None, None)}


def test_a_scheduler_that_goes_away_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.2)
    with (
        LocalCluster(n_workers=1, processes=False, silence_logs=50, dashboard_address="127.0.0.1:0") as made,
        Client(made, timeout=1) as client,
        closing(Dask(client=client).run(Task(read=lambda _: time.sleep(0.1)), range(100))) as outcomes,
    ):
        next(outcomes)
        made.close()
        with pytest.raises(ClusterError, match="connection to the Dask scheduler was lost: what is done is kept"):
            list(outcomes)


def _processors() -> tuple[str, frozenset[int]]:
    return _address(), frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
