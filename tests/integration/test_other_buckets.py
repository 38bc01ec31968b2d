"""The buckets of Google and of Azure, against local stand-ins: a chain with kills, the lock, and what is told.

Skipped where the stand-ins are not installed: ``make test-buckets`` installs them and runs this.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asem_core.errors import OutputError, StorageError, VolumeError
from asem_core.volume import address, places
from asem_core.volume.address import destination_of
from asem_core.volume.lease import leased
from asem_core.volume.output import place_of_volume

from ..forks import Forks
from ..jobs import VERBS, Undisturbed, Verb
from ..stand_ins import BUCKET, Store, missing, serve

pytestmark = pytest.mark.slow
MORTAL = Path(__file__).parents[1] / "mortal.py"


@pytest.fixture(scope="module", params=["gs", "az"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A server with an empty bucket, as the environment names it."""
    with serve(request.param) as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.environment.items():
            patch.setenv(name, value)
        yield found


@pytest.fixture(scope="module")
def remote(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Commands that find the server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("scratch")))
        found = Forks(tmp_path_factory.mktemp("remote"))
        yield found
    found.close()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Clients that are made within this test are told anew who they are, and are forgotten after it."""
    from fsspec import AbstractFileSystem

    def forget() -> None:
        address._storage_options.cache_clear()
        for kind in _kinds(AbstractFileSystem):
            kind._cache.clear()

    forget()
    yield monkeypatch
    forget()


def _kinds(kind: Any) -> Iterator[Any]:
    yield from (each for child in kind.__subclasses__() for each in (child, *_kinds(child)))


def place(store: Store, name: str) -> Any:
    """An object of the bucket."""
    return destination_of(store.url(name))


def chunks_of(store: Store, name: str) -> dict[str, bytes]:
    """The objects of an output that hold voxels, by name."""
    root = place(store, name)
    found = (path.removeprefix(f"{root.path}/") for path in root.fs.find(root.path))
    return {below: root.fs.cat_file(f"{root.path}/{below}") for below in found if _is_chunk(below)}


def _is_chunk(name: str) -> bool:
    return not name.rpartition("/")[2].startswith((".z", "zarr."))


def test_the_chain_is_that_of_a_disk_whatever_is_killed(
    store: Store,
    remote: Forks,
    inputs: dict[str, Path],
    undisturbed: Callable[[Verb], Undisturbed],
    tmp_path: Path,
) -> None:
    cell, mito = store.url("cell.zarr"), store.url("mito.zarr")
    converted = remote.run(f"convert {inputs['sections']} {cell} --voxel-size 5".split(), tmp_path)
    assert converted.code == 0, converted.told
    command = (
        f"segment {cell} -o {mito} --organelle mito --model mito-compact-10nm "
        "--roi 0:16,0:16,100:228 --tile 112,112,136 --runtime onnxruntime --workers 2"
    ).split()
    for moment in (".zgroup", "0/0/0/0", "labels/mito/0/0/0/0"):  # it is made; it is filled
        died = subprocess.run(
            [sys.executable, MORTAL, *command], env={**os.environ, "DIES_AT": f"{mito}/{moment}"}, capture_output=True
        )
        assert died.returncode == -9, died.stderr.decode()
        told = remote.run(["info", mito], tmp_path)
        assert told.code == 2
        assert "is unfinished: its run was stopped or failed" in told.told
    went_on = remote.run(command, tmp_path)
    assert went_on.code == 0, went_on.told
    assert "taken over from" in went_on.told
    for words in (
        ["status", mito],
        ["verify", mito],
        ["evaluate", mito, str(inputs["labels"]), "--organelle", "mito", "--json"],
    ):
        ended = remote.run(words, tmp_path)
        assert ended.code == 0, ended.told
    for name, made in (("cell.zarr", "convert to zarr"), ("mito.zarr", "segment")):
        verb = next(verb for verb in VERBS if verb.name == made)
        whole = {name: content for name, content in undisturbed(verb).files.items() if _is_chunk(name)}
        assert chunks_of(store, name) == whole
    assert not places.exists(place(store, ".mito.zarr.lock"))


def test_objects_come_and_go(store: Store) -> None:
    root = place(store, "a/b.zarr")
    assert not places.exists(root)
    assert places.read(root / "0") is None
    assert places.names(root) == []
    places.write(root / "0", b"one")
    before = address.stamp(root / "0")
    places.write(root / "0", b"two")
    assert address.stamp(root / "0") != before, "as long as before"
    assert places.read(root / "0") == b"two"
    assert places.exists(root)
    assert places.names(root) == ["0"]
    assert places.create(root / "1", b"mine")
    assert not places.create(root / "1", b"yours")
    assert places.read_below(root, ["0", "1", "2"]) == {"0": b"two", "1": b"mine", "2": None}
    assert places.age_s(root / "0", now=root / "1") == pytest.approx(0, abs=30)
    places.delete(root / "1")
    places.delete(root / "1")
    places.remove(root)
    places.remove(root)
    assert not places.exists(root)


def test_of_many_who_create_an_object_one_does(store: Store) -> None:
    made: list[bool] = []
    there = place(store, "one")
    many = [threading.Thread(target=lambda: made.append(places.create(there, b"mine"))) for _ in range(8)]
    for each in many:
        each.start()
    for each in many:
        each.join()
    assert sorted(made) == [False] * 7 + [True]


def test_two_do_not_write_one_output(store: Store) -> None:
    told = r"is being written by another process \(.* on .*, process \d+, since 2"
    with (
        leased(place(store, "held.zarr")),
        pytest.raises(OutputError, match=told),
        leased(place(store, "held.zarr")),
    ):
        pass
    assert not places.exists(place(store, ".held.zarr.lock"))


def test_a_bucket_that_is_missing_is_told(store: Store) -> None:
    none = destination_of(f"{store.scheme}://nonesuch/a.zarr")
    for write in (places.write, places.create):
        with pytest.raises(StorageError, match=r"nonesuch/a.zarr: there is no such (bucket|container); make it first"):
            write(none, b"one")
    with pytest.raises(VolumeError, match=r"nonesuch/a.zarr: there is no"):
        raise VolumeError(f"{none}: {address.describe_absence(none)}")


def test_what_may_pass_is_tried_again_and_what_does_not_is_told(store: Store) -> None:
    if store.scheme == "az":
        pytest.skip("Azurite cannot be made to fail")
    there = place(store, "a")
    store.faults = [(503, "trouble")]
    places.write(there, b"one")
    assert not store.faults
    for status, told in (
        (403, r"access is denied \(403\), or there is no such object"),
        (401, r"access is denied \(403\), or there is no such object"),
    ):
        store.faults = [(status, "trouble")]
        with pytest.raises(StorageError, match=rf"^gs://{BUCKET}/a: {told}"):
            places.read(there)
    store.faults = [(400, "trouble\nmore")]
    with pytest.raises(OutputError, match=rf"^gs://{BUCKET}/a: the server answers 400 trouble; try again later$"):
        places.read(there)


def test_a_wrong_key_is_told(store: Store, fresh: pytest.MonkeyPatch) -> None:
    if store.scheme == "gs":
        pytest.skip("gcp-storage-emulator lets everybody in")
    wrong = store.environment["AZURE_STORAGE_CONNECTION_STRING"].replace("AccountKey=Eby8", "AccountKey=AAAA")
    fresh.setenv("AZURE_STORAGE_CONNECTION_STRING", wrong)
    with pytest.raises(StorageError, match=rf"^az://{BUCKET}/a: access is denied \(403.*check the address and your"):
        places.write(place(store, "a"), b"one")


@pytest.mark.parametrize(
    ("scheme", "told"),
    [
        ("gs", "no credentials for gs:// were found; set GOOGLE_APPLICATION_CREDENTIALS, or run"),
        ("az", "no credentials for az:// were found; set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"),
    ],
)
def test_without_credentials_nothing_is_written(
    scheme: str, told: str, fresh: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    absent = missing(scheme)
    if absent is not None:
        pytest.skip(absent)
    for name in list(os.environ):
        if name.startswith(("AZURE_", "GOOGLE_", "STORAGE_EMULATOR")):
            fresh.delenv(name)
    fresh.setenv("NO_GCE_CHECK", "true")
    fresh.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    with pytest.raises((OutputError, VolumeError), match=told):
        place_of_volume(destination_of(f"{scheme}://{BUCKET}/a.zarr"))
