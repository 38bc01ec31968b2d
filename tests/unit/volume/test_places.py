"""What is done to a bucket, against a local stand-in for S3; and what is said where it cannot be done."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
import s3fs
from fsspec.config import conf

from asem_core.errors import AsemError, OutputError, StorageError, VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import address, places
from asem_core.volume.address import destination_of, on_disk
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan
from asem_core.volume.output import place_of_volume
from asem_core.volume.pieces import digests_found

from ... import s3_server
from ...s3_server import Bucket, environment, serve_s3


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    with serve_s3() as found:
        yield found


@pytest.fixture
def s3(server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """The server with an empty bucket ``cells``, as the environment names it."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    point_to(server.url, monkeypatch)
    owner = s3fs.S3FileSystem()
    if owner.exists("cells"):
        owner.rm("cells", recursive=True)
    owner.mkdir("cells")
    server.seen.clear()
    server.faults.clear()
    yield server
    server.fault = lambda _: None
    address._storage_options.cache_clear()


def point_to(url: str, monkeypatch: pytest.MonkeyPatch, **config: Any) -> None:
    """Let clients that are made from now on ask the server ``url``: they are kept by what they were told."""
    monkeypatch.setitem(conf, "s3", {"endpoint_url": url, "config_kwargs": config})
    address._storage_options.cache_clear()


def small_plan() -> OmePlan:
    """One chunk."""
    array = ArrayPlan(shape=(4, 4, 4), dtype="uint8", chunk=(4, 4, 4))
    return OmePlan(image=array, voxel_size=VoxelSize((5, 5, 5)), lower_edge_nm=(0, 0, 0))


def test_objects_come_and_go(s3: Bucket) -> None:
    place = destination_of("s3://cells/a/b.zarr")
    assert not isinstance(place, Path)
    assert not places.exists(place)
    assert places.read(place / "0") is None
    assert places.names(place) == []
    places.write(place / "0", b"one")
    places.write(place / "0", b"two")
    assert places.read(place / "0") == b"two"
    assert places.exists(place)
    assert places.names(place) == ["0"]
    assert places.create(place / "1", b"mine")
    assert not places.create(place / "1", b"yours")
    assert places.read_below(place, ["0", "1", "2"]) == {"0": b"two", "1": b"mine", "2": None}
    assert places.age_s(place / "0", now=place / "1") == pytest.approx(0, abs=30)
    places.delete(place / "1")
    places.delete(place / "1")
    places.remove(place)
    places.remove(place)
    assert not places.exists(place)


def test_a_read_is_one_request(s3: Bucket) -> None:
    place = destination_of("s3://cells/a")
    places.write(place, b"one")
    s3.seen.clear()
    places.read(place)
    places.read(place.with_name("b"))
    assert s3.seen == ["GET /cells/a", "GET /cells/b"]


def test_the_mark_comes_first_and_goes_last(s3: Bucket, tmp_path: Path) -> None:
    for name in (".zattrs", ".zgroup", "0/.zarray", "zarr.json"):  # more than there are of either format
        (tmp_path / "made" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "made" / name).write_bytes(name.encode())
    place = destination_of("s3://cells/a.zarr")
    places.publish(tmp_path / "made", place)
    put = [said for said in s3.seen if said.startswith("PUT")]
    assert put == [f"PUT /cells/a.zarr/{name}" for name in (".zattrs", "zarr.json", ".zgroup", "0/.zarray")]
    assert not (tmp_path / "made").exists()
    s3.seen.clear()
    places.remove(place)
    assert [said for said in s3.seen if said.startswith("POST")] == 4 * ["POST /cells"], "in four steps"


def test_an_output_travels_to_a_worker(s3: Bucket, tmp_path: Path) -> None:
    plan = small_plan()
    plan.create(tmp_path / "out.zarr", provenance={})
    place = destination_of("s3://cells/out.zarr")
    places.publish(tmp_path / "out.zarr", place)
    there = pickle.loads(cloudpickle.dumps(plan.open(place, provenance={}, mend=False)))
    written = there.write(Box.of_shape((4, 4, 4)), {IMAGE: np.ones((4, 4, 4))})
    assert digests_found(place, written) == written


@pytest.mark.parametrize("fault", ["500", "503"])
def test_what_may_pass_is_tried_again(s3: Bucket, fault: Any) -> None:
    first = iter([fault, fault])
    s3.fault = lambda _: next(first, None)
    places.write(destination_of("s3://cells/a"), b"one")
    assert s3.faults == [fault, fault]
    assert places.read(destination_of("s3://cells/a")) == b"one"


def test_what_does_not_pass_is_told(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_ATTEMPTS", 2)
    address._storage_options.cache_clear()
    s3.fault = lambda _: "500"
    with pytest.raises(OutputError, match=r"^s3://cells/a: the server answers InternalError \(trouble\)$") as told:
        places.write(destination_of("s3://cells/a"), b"one")
    assert not isinstance(told.value, StorageError), "another block may have better luck"


def test_what_will_not_pass_is_told_at_once(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        StorageError, match=r"^s3://none/a: there is no such bucket; make it first, or check the address"
    ):
        places.write(destination_of("s3://none/a"), b"one")
    s3.fault = lambda _: "403"
    for ask in (places.exists, places.read, places.names, lambda place: places.create(place, b"")):
        with pytest.raises(StorageError, match=r"access is denied \(403( AccessDenied)?\), or there is no such object"):
            ask(destination_of("s3://cells/a"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    point_to("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(StorageError, match=r"^s3://cells/a: the server cannot be reached: .*127.0.0.1:9"):
        places.read(destination_of("s3://cells/a"))


def test_a_server_that_falls_silent_is_given_up(s3: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it has taken what is written: the client alone would wait without end."""
    monkeypatch.setattr(s3_server, "SILENCE_S", 20.0)
    plan = small_plan()
    plan.create(tmp_path / "out.zarr", provenance={})
    places.publish(tmp_path / "out.zarr", destination_of("s3://cells/a"))
    point_to(s3.url, monkeypatch, read_timeout=5, retries={"mode": "standard", "max_attempts": 2})
    first = iter(["silence"])
    s3.fault = lambda _: next(first, None)
    places.write(destination_of("s3://cells/b"), b"one")
    assert (s3.faults, places.read(destination_of("s3://cells/b"))) == (["silence"], b"one")
    point_to(s3.url, monkeypatch, read_timeout=5, retries={"mode": "standard", "max_attempts": 1})
    place = destination_of("s3://cells/a")
    output = plan.open(place, provenance={}, mend=False)
    s3.fault = lambda _: "silence"
    told = f"s3://cells/a: the server cannot be reached: {s3.url} did not answer a PUT within 5"
    for write in (
        lambda: places.write(place, b"two"),
        lambda: output.write(Box.of_shape((4, 4, 4)), {IMAGE: np.ones((4, 4, 4))}),
    ):
        with pytest.raises(StorageError, match=rf"^{re.escape(told)}[.\d]* s; check the address and the network$"):
            write()


def test_without_credentials_nothing_is_written(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    address._storage_options.cache_clear()
    with pytest.raises(OutputError, match="no credentials for s3:// were found; set AWS_ACCESS_KEY_ID and"):
        place_of_volume(destination_of("s3://cells/a.zarr"))


def test_what_lies_in_or_round_an_input_is_refused(s3: Bucket) -> None:
    places.write(destination_of("s3://cells/in.zarr/.zgroup"), b"{}")
    places.write(destination_of("s3://cells/in.zarr/raw/.zgroup"), b"{}")
    for output in ("s3://cells/in.zarr", "s3://cells/in.zarr/raw/out.zarr", "s3://cells/in.zarr/new"):
        with pytest.raises(OutputError, match=r"would lie in, or replace, what is read \(s3://cells/in.zarr\)"):
            place_of_volume(destination_of(output), inputs=["s3://cells/in.zarr/raw"])
    place_of_volume(destination_of("s3://cells/in.zarr2"), inputs=["s3://cells/in.zarr/raw"])


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://example.org/a.zarr", "web servers are read, not written"),
        ("s3://cells/a*.zarr", r"without \* \? \[ \]"),
    ],
)
def test_urls_that_are_not_written(s3: Bucket, url: str, told: str) -> None:
    with pytest.raises(OutputError, match=told):
        place_of_volume(destination_of(url))


def test_only_zarr_goes_to_a_bucket(s3: Bucket) -> None:
    with pytest.raises(OutputError, match="only OME-Zarr is written to a bucket"):
        on_disk(destination_of("s3://cells/a.tif"))


@pytest.mark.parametrize(("scheme", "client", "extra"), [("gs", "gcsfs", "gcs"), ("az", "adlfs", "azure")])
def test_a_client_that_is_missing_is_named(
    scheme: str, client: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, client, None)
    with pytest.raises(
        VolumeError, match=rf"needs a client that is not installed .*pip install 'asem-core\[{extra}\]'"
    ):
        destination_of(f"{scheme}://cells/a.zarr")


def test_an_error_is_one_line(s3: Bucket) -> None:
    with pytest.raises(AsemError) as told:
        places.write(destination_of("s3://none/a"), b"one")
    assert "\n" not in str(told.value)
