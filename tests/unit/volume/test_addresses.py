"""Zarr, OME-Zarr, the published layout and N5 over HTTP and S3: same voxels, few requests, clear errors."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
import zarr
from moto.server import ThreadedMotoServer

from asem_core.conversion.convert import convert
from asem_core.errors import VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import address, open_labels
from asem_core.volume.facts import describe

from ...web_server import Server, serve
from .formats.test_other_formats import write_precomputed

BOX = Box((1, 2, 3), (5, 16, 29))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """``upload()`` copies ``tmp_path`` into a public bucket of a local stand-in for S3, read without credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": moto, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    address._storage_options.cache_clear()
    import s3fs

    owner = s3fs.S3FileSystem(key="owner", secret="secret", endpoint_url=moto)

    def upload() -> str:
        owner.put(f"{tmp_path}/", "cells/", recursive=True, ACL="public-read")
        return "s3://cells"

    owner.mkdir("cells", acl="public-read")
    yield upload
    owner.rm("cells", recursive=True)
    address._storage_options.cache_clear()


def make_all(folder: Path, image: np.ndarray, opened: Any) -> dict[str, Path]:
    """The image as plain Zarr 2 and 3, OME-Zarr 0.4 and 0.5, and N5, at 5 x 4 x 4 nm."""
    paths = {name: folder / name for name in ("v2.zarr", "v3.zarr", "ome04.zarr", "ome05.zarr", "em.n5")}
    for version in (2, 3):
        array = zarr.create_array(paths[f"v{version}.zarr"], data=image, chunks=(4, 16, 16), zarr_format=version)
        array.attrs.update({"resolution": [5, 4, 4], "offset": [50, 0, 8]})
    source = opened(paths["v2.zarr"])
    convert(source, paths["ome04.zarr"], chunk=(4, 16, 16))
    convert(source, paths["ome05.zarr"], chunk=(4, 16, 16), ome_version="0.5")
    spec = {
        "driver": "n5", "kvstore": {"driver": "file", "path": f"{paths['em.n5']}/s0/"},
        "metadata": {"dimensions": image.shape[::-1], "blockSize": [16, 16, 4], "dataType": "uint8",
                     "compression": {"type": "gzip"}},
    }  # fmt: skip
    tensorstore.open(spec, create=True).result()[...].write(image.T).result()
    metadata = paths["em.n5"] / "s0/attributes.json"
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {"resolution": [4, 4, 5], "offset": [8, 0, 50]}))
    return paths


def check_all(root: str, image: np.ndarray, opened: Any) -> None:
    for name in ("v2.zarr", "v3.zarr", "ome04.zarr", "ome05.zarr", "em.n5"):
        volume = opened(f"{root}/{name}")
        assert volume.voxel_size == VoxelSize((5, 4, 4)), name
        assert volume.lower_edge_nm == (50, 0, 8), name
        np.testing.assert_array_equal(volume.read(BOX), image[BOX.slices], err_msg=name)
        assert describe(volume)["shape"] == list(image.shape)
        assert opened(f"{root}/{name}/").identity == volume.identity


def test_http(tmp_path, image, opened, web):
    make_all(tmp_path, image, opened)
    check_all(web.url, image, opened)


@pytest.mark.slow
def test_s3_without_credentials(tmp_path, image, opened, bucket, registry):
    make_all(tmp_path, image, opened)
    root = zarr.create_group(tmp_path / "cell.zarr", zarr_format=2)
    root.create_array("volumes/raw", data=image).attrs["resolution"] = [5, 4, 4]
    root.create_array("volumes/labels/er", data=image).attrs["resolution"] = [5, 4, 4]
    url = bucket()
    check_all(url, image, opened)
    with pytest.raises(VolumeError, match=r"no labels 'mito' in labels/; it has: er"):
        open_labels(f"{url}/cell.zarr", "mito", registry=registry)
    with pytest.raises(VolumeError, match=r"s3://cells/none.zarr: there is no Zarr or N5 metadata"):
        opened(f"{url}/none.zarr")


def test_s3_denied(opened, bucket, monkeypatch):
    """Other people's private buckets answer 403 to everything."""
    url = f"{bucket()}/x.zarr"

    def deny(*args, **kwargs):
        raise PermissionError("Forbidden")

    monkeypatch.setattr(address.locate(url).fs, "cat_file", deny)
    with pytest.raises(VolumeError, match=r"x.zarr: access is denied \(403\).*check the address and your credentials"):
        opened(url)


def test_published_layout_and_labels_over_http(published, image, opened, web, registry, tmp_path):
    url = f"{web.url}/{published.name}"
    np.testing.assert_array_equal(opened(url).read(BOX), image[BOX.slices])
    labels = open_labels(url, "mito", registry=registry)
    np.testing.assert_array_equal(labels.read(BOX), (image > 128)[BOX.slices])
    with pytest.raises(VolumeError, match=r"no labels 'golgi' in labels/; the server lists no folders"):
        open_labels(url, "golgi", registry=registry)
    convert(opened(url), tmp_path / "copy.zarr", labels=False)
    np.testing.assert_array_equal(opened(tmp_path / "copy.zarr").read(BOX), image[BOX.slices])


def test_a_precomputed_volume_on_a_web_server(tmp_path, image, opened, web):
    write_precomputed(tmp_path / "em", image)
    for place in (f"{web.url}/em", f"{web.url}/em/5_4_8"):
        volume = opened(place)
        np.testing.assert_array_equal(volume.read(Box((2, 3, 4), (7, 30, 20))), image[2:7, 3:30, 4:20])
        assert (volume.format, volume.voxel_size.zyx, volume.lower_edge_nm) == ("precomputed", (8, 4, 5), (80, 40, 50))


@pytest.mark.parametrize("name", ["v2.zarr", "v3.zarr", "ome04.zarr", "em.n5"])
def test_a_small_box_reads_only_its_chunks(tmp_path, image, opened, web, name):
    make_all(tmp_path, image, opened)
    volume = opened(f"{web.url}/{name}")
    web.requests.clear()
    box = Box((3, 6, 16), (6, 20, 31))  # 2 x 2 x 1 of the 3 x 3 x 2 chunks
    np.testing.assert_array_equal(volume.read(box), image[box.slices])
    assert len(web.requests) == 4
    assert len(set(web.requests)) == 4


def test_opening_asks_for_each_metadata_file_once(tmp_path, image, opened, web):
    make_all(tmp_path, image, opened)
    web.requests.clear()
    opened(f"{web.url}/em.n5")
    assert len(web.requests) == len(set(web.requests))


@pytest.mark.parametrize(
    ("status", "message"),
    [(403, r"access is denied \(403\)"), (404, r"no Zarr or N5 metadata \(404\)"), (500, "the server answers 500")],
)
def test_what_a_web_server_refuses(opened, web, status, message):
    web.status = status
    with pytest.raises(VolumeError, match=rf"x.zarr.*{message}"):
        opened(f"{web.url}/x.zarr")


def test_a_chunk_that_the_server_refuses(tmp_path, image, opened, web):
    make_all(tmp_path, image, opened)
    volumes = [opened(f"{web.url}/{name}") for name in ("v2.zarr", "em.n5")]
    web.status = 403
    for volume in volumes:
        with pytest.raises(VolumeError, match=r"cannot read .*(403|Forbidden)"):
            volume.read(BOX)


def test_a_server_that_is_broken_is_not_asked_for_minutes(tmp_path, image, opened, web):
    make_all(tmp_path, image, opened)
    volume = opened(f"{web.url}/em.n5")
    web.status = 503
    web.requests.clear()
    with pytest.raises(VolumeError, match=r"em.n5.*: cannot read .*(503|Service Unavailable)"):
        volume.read(Box((0, 0, 0), (1, 1, 1)))
    assert 1 < len(web.requests) < 10


@pytest.mark.parametrize("name", ["v2.zarr", "v3.zarr", "ome04.zarr", "em.n5", "none.zarr"])
def test_a_web_page_in_place_of_what_is_absent(tmp_path, image, opened, web, name):
    """Servers of web applications answer 200 with their page to every address that they do not know."""
    make_all(tmp_path, image, opened)
    web.page = b"<!doctype html><html><body>app</body></html>"
    with pytest.raises(VolumeError, match=r"it is a web page \(HTML\).*check the address"):
        opened(f"{web.url}/{name}")


def test_nobody_answers(opened):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(VolumeError, match=r"the server cannot be reached: .*; check the address and the network"):
        opened(f"http://127.0.0.1:{port}/x.zarr")


def test_local_formats_are_not_read_from_servers(opened, web):
    with pytest.raises(VolumeError, match="other single files are read from local disks only; download it first"):
        opened(f"{web.url}/stack.tif")


def test_file_urls(published, image, opened):
    volume = opened(published.as_uri())
    assert volume.uri == str(published)
    np.testing.assert_array_equal(volume.read(BOX), image[BOX.slices])


def test_identity_of_a_remote_volume_changes_with_its_chunks(tmp_path, image, opened, web):
    make_all(tmp_path, image, opened)
    before = opened(f"{web.url}/v2.zarr").identity
    (tmp_path / "v2.zarr/0.0.0").unlink()
    assert opened(f"{web.url}/v2.zarr").identity != before


def refusal(name: str, text: str = "trouble\nmore", **said: Any) -> Exception:
    """An exception as a client that need not be installed raises it."""
    problem: Exception = type(name, (Exception,), said)(text)
    return problem


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (refusal("HttpError", code=401, message="Anonymous caller"), r"access is denied \(403\)"),
        (refusal("HttpError", code=503, message="trouble\nmore"), r"^the server answers 503 trouble; try again later$"),
        (refusal("HttpResponseError", status_code=403), r"access is denied \(403\)"),
        (
            refusal("ResourceNotFoundError", status_code=404, error_code="ContainerNotFound"),
            "there is no such container",
        ),
        (refusal("ClientAuthenticationError"), "no credentials for az:// were found; set AZURE_STORAGE_ACCOUNT_NAME"),
        (refusal("ServiceRequestError"), "^the server cannot be reached: trouble more; check the address"),
    ],
)
def test_what_clients_of_google_and_azure_say(problem: Exception, told: str) -> None:
    assert re.search(told, address.explain(problem))
