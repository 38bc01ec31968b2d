"""The whole chain in a bucket whose server fails, is slow and falls silent; runs killed there go on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import s3fs
from fsspec.config import conf

import asem_core
from asem_core import Registry
from asem_core.blocks.verify import verify
from asem_core.cluster import connect
from asem_core.geometry import Box
from asem_core.volume import address

from ..forks import Forks
from ..jobs import VERBS, Undisturbed, Verb, contents, write_noise
from ..s3_server import Bucket, Fault, environment, serve_s3

pytestmark = pytest.mark.slow
PATIENCE = {"config_kwargs": {"read_timeout": 4, "retries": {"mode": "standard", "max_attempts": 8}}}


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    """With an empty bucket ``cells``."""
    with serve_s3() as found:
        owner(found).mkdir("cells")
        yield found


@pytest.fixture
def calm(server: Bucket) -> Iterator[Bucket]:
    yield server
    server.fault, server.watch = lambda _: None, lambda _: None
    server.faults.clear()


@pytest.fixture(scope="module")
def remote(server: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Commands that find the server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        for name, value in environment(server).items():
            patch.setenv(name, value)
        patch.setenv("FSSPEC_S3", json.dumps(PATIENCE))
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("scratch")))
        found = Forks(tmp_path_factory.mktemp("remote"))
    yield found
    found.close()


def trouble(number: int) -> Fault | None:
    """Every tenth request or so fails, some are slow, two are never answered in time."""
    if number in (40, 120):
        return "silence"
    if number % 10 == 3:
        return "500"
    if number % 17 == 5:
        return "503"
    return "slow" if number % 13 == 7 else None


def chunks(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files that hold voxels."""
    return {name: content for name, content in files.items() if not name.rpartition("/")[2].startswith((".z", "zarr."))}


def owner(server: Bucket) -> s3fs.S3FileSystem:
    """A client of this process."""
    return s3fs.S3FileSystem(key="owner", secret="secret", endpoint_url=server.url, use_listings_cache=False)


def in_bucket(server: Bucket, name: str) -> dict[str, bytes]:
    """Every object of an output, by name."""
    client = owner(server)
    return {path.removeprefix(f"cells/{name}/"): client.cat_file(path) for path in client.find(f"cells/{name}")}


def test_the_chain_is_that_of_a_disk_whatever_the_server_does(
    calm: Bucket,
    remote: Forks,
    inputs: dict[str, Path],
    undisturbed: Callable[[Verb], Undisturbed],
    tmp_path: Path,
) -> None:
    calm.fault = trouble
    commands = [
        f"convert {inputs['sections']} s3://cells/cell.zarr --voxel-size 5",
        "segment s3://cells/cell.zarr -o s3://cells/mito.zarr --organelle mito --model mito-compact-10nm "
        "--roi 0:16,0:16,100:228 --tile 112,112,136 --runtime onnxruntime --workers 2",
        f"evaluate s3://cells/mito.zarr {inputs['labels']} --organelle mito --json",
        f"analyze objects s3://cells/mito.zarr -o {tmp_path / 'objects'}",
        "verify s3://cells/mito.zarr",
    ]
    for command in commands:
        ended = remote.run(command.split(), tmp_path)
        assert ended.code == 0, ended.told
    assert {"500", "503", "slow", "silence"} <= set(calm.faults)
    assert (tmp_path / "objects").is_dir()
    calm.fault = lambda _: None
    for name, made in (("cell.zarr", "convert to zarr"), ("mito.zarr", "segment")):
        verb = next(verb for verb in VERBS if verb.name == made)
        assert chunks(in_bucket(calm, name)) == chunks(undisturbed(verb).files)


def test_a_killed_run_goes_on(
    calm: Bucket, remote: Forks, inputs: dict[str, Path], undisturbed: Callable[[Verb], Undisturbed], tmp_path: Path
) -> None:
    command = f"convert {inputs['sections']} s3://cells/killed.zarr --voxel-size 5".split()

    def kill(said: str) -> None:
        if said == "PUT /cells/killed.zarr/0/0/0/2":
            calm.watch = lambda _: None
            process = json.loads(owner(calm).cat_file("cells/.killed.zarr.lock"))["process"]
            os.kill(process, signal.SIGKILL)

    calm.watch = kill
    assert remote.run(command, tmp_path).killed
    told = remote.run(["info", "s3://cells/killed.zarr"], tmp_path)
    assert told.code == 2
    assert "is unfinished: its run was stopped or failed" in told.told
    went_on = remote.run(command, tmp_path)
    assert went_on.code == 0, went_on.told
    assert "taken over from" in went_on.told
    assert remote.run(["status", "s3://cells/killed.zarr"], tmp_path).code == 0
    verb = next(verb for verb in VERBS if verb.name == "convert to zarr")
    assert chunks(in_bucket(calm, "killed.zarr")) == chunks(undisturbed(verb).files)


def test_workers_read_and_write_there(
    calm: Bucket, toy: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They find the server as any process does; one of them is killed at its first chunk."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in environment(calm).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(conf, "s3", {"endpoint_url": calm.url, **PATIENCE})
    address._storage_options.cache_clear()
    killed: list[int] = []

    def kill(said: str) -> None:
        if said.startswith("PUT /cells/toy.zarr/0/0/") and not killed:
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    def segmented(output: str | Path, executor: Any = None) -> Path:
        made = asem_core.segment(
            "s3://cells/noise.zarr",
            output,
            organelle=toy.organelle,
            registry=registry,
            roi=Box((0, 0, 0), (16, 16, 32)),
            tile=112,
            runtime="onnxruntime",
            workers=1,
            executor=executor,
        )
        return made.path

    asem_core.convert(write_noise(tmp_path / "noise.zarr"), "s3://cells/noise.zarr", registry=registry)
    here = contents(segmented(tmp_path / "toy.zarr"))
    with connect("local:2") as dask:
        pids = list(dask.client.run(os.getpid).values())
        calm.watch = kill
        segmented("s3://cells/toy.zarr", dask)
        assert os.getpid() not in pids
    assert killed
    assert chunks(in_bucket(calm, "toy.zarr")) == chunks(here)
    assert verify("s3://cells/toy.zarr").sound
    address._storage_options.cache_clear()
