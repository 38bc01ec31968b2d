"""What there is to see, where it is, and who may see it."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pytest
import tensorstore
from asem_view import export, find_layers, view
from asem_view.files import part_of
from asem_view.page import CLIENT, HERE, PAGE, render_page
from asem_view.state import state_of
from PIL import Image

from asem_core.errors import OutputError, VolumeError
from asem_core.geometry import VoxelSize
from asem_core.volume import ArrayPlan, build_pyramid, create_ome_zarr

SIZE, PLACE = VoxelSize((20.0, 10.0, 10.0)), (1000.0, 200.0, 300.0)


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """An image of noise with a label ``mito``, 20 x 10 x 10 nm, not at the origin."""
    label = np.zeros((8, 40, 60), np.uint8)
    label[2:5, 10:20, 30:50] = 1
    return written(tmp_path / "cell.zarr", noise(np.uint8), {"mito": label})


def noise(dtype: npt.DTypeLike, *, low: int = 50, high: int = 150) -> npt.NDArray[Any]:
    return np.random.default_rng(0).integers(low, high, (8, 40, 60)).astype(dtype)


def written(path: Path, image: npt.NDArray[Any], labels: Mapping[str, npt.NDArray[Any]]) -> Path:
    image_plan, *label_plans = (
        ArrayPlan(shape=each.shape, dtype=str(each.dtype), chunk=(8, 16, 16)) for each in (image, *labels.values())
    )
    plans = dict(zip(labels, label_plans, strict=True))
    output = create_ome_zarr(path, image=image_plan, labels=plans, voxel_size=SIZE, lower_edge_nm=PLACE, provenance={})
    output.image[:] = image
    for name, label in labels.items():
        output.labels[name][:] = label
    build_pyramid(output)
    return path


@pytest.fixture
def pores(tmp_path: Path) -> Path:
    """The folder of an analysis with two rows."""
    folder = tmp_path / "pores"
    folder.mkdir()
    (folder / "analysis.json").write_text(json.dumps({"analysis": {"name": "pores"}}))
    (folder / "pores.csv").write_text("pore,diameter_nm,z_nm,y_nm,x_nm\n1,92.5,1040,300,400\n2,80.25,1060,320,500\n")
    return folder


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    """What ``asem mesh`` leaves of one object, 5: the box of the label of ``cell``, in orange."""
    folder = tmp_path / "golgi_meshes"
    (folder / "segment_properties").mkdir(parents=True)
    about = {"format": "precomputed", "labels": "golgi.zarr", "organelle": "golgi", "colour": "#e69f00",
             "box_nm": [[1000, 200, 300], [1160, 600, 900]]}  # fmt: skip
    (folder / "mesh.json").write_text(json.dumps(about))
    (folder / "info").write_text(
        json.dumps({"@type": "neuroglancer_legacy_mesh", "segment_properties": "segment_properties"})
    )
    stated = {"ids": ["5"], "properties": [{"id": "volume", "type": "number", "data_type": "float32", "values": [1.0]}]}
    (folder / "segment_properties" / "info").write_text(
        json.dumps({"@type": "neuroglancer_segment_properties", "inline": stated})
    )
    (folder / "5:0").write_text(json.dumps({"fragments": ["5.mesh"]}))
    corners = np.array([[x, y, z] for x in (600, 800) for y in (300, 400) for z in (1040, 1100)], "<f4")
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([[(a, b, c), (a, c, d)] for a, b, c, d in sides], "<u4")
    (folder / "5.mesh").write_bytes(np.array(8, "<u4").tobytes() + corners.tobytes() + triangles.tobytes())
    return folder


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a stand-in for S3."""
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(s3: str, cell: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of ``cell`` in a bucket of that server, which the environment names."""
    import s3fs
    from fsspec.config import conf

    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": s3, "AWS_ACCESS_KEY_ID": "owner", "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(conf, "s3", {"endpoint_url": s3})  # clients are kept by what they are told, of the test before
    client = s3fs.S3FileSystem()
    client.mkdir("some-lab")
    client.put(str(cell), "some-lab/cell.zarr", recursive=True)
    yield "s3://some-lab/cell.zarr"
    client.rm("some-lab", recursive=True)


SECRET = "not-for-browsers"
_TABS = 46
"""Rows of pixels above the panels."""


def asked(address: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    place = urlsplit(address)
    with closing(HTTPConnection(place.netloc, timeout=10)) as connection:
        connection.request(method, place.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


def root_of(address: str) -> str:
    return address.removesuffix(f"/{CLIENT}/{PAGE}")


def test_layers(cell: Path, pores: Path) -> None:
    image, label, points = find_layers([cell, pores])
    assert [(each.name, each.kind) for each in (image, label, points)] == [
        ("cell", "image"), ("mito", "labels"), ("pores", "points"),
    ]  # fmt: skip
    assert 49 < image.grey[0] < 60 < 140 < image.grey[1] < 151
    assert label.colour == "#56b4e9"
    assert [(p.id, p.place_nm, p.text) for p in points.points] == [
        ("1", (1040.0, 300.0, 400.0), "diameter_nm 92.5"),
        ("2", (1060.0, 320.0, 500.0), "diameter_nm 80.25"),
    ]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_wide_integers_are_an_image_where_they_look_grey(tmp_path: Path, dtype: npt.DTypeLike) -> None:
    (image,) = find_layers([written(tmp_path / "cell.zarr", noise(dtype, low=11_000, high=31_000), {})])
    assert image.kind == "image"
    assert image.grey == pytest.approx((11_200, 30_800), abs=100)


def test_wide_integers_are_labels_where_they_say_so_or_do_not_look_grey(tmp_path: Path) -> None:
    objects = np.kron(np.arange(1000, 1024, dtype=np.uint16).reshape(2, 3, 4), np.ones((4, 10, 15), np.uint16))
    assert [layer.kind for layer in find_layers([written(tmp_path / "objects.zarr", objects, {})])] == ["objects"]
    supervoxels = noise(np.uint16, low=0, high=60_000)
    layers = find_layers([written(tmp_path / "cell.zarr", noise(np.uint8), {"pieces": supervoxels})])
    assert [layer.kind for layer in layers] == ["image", "objects"]


@pytest.mark.parametrize(("level", "pyramid"), [("0", ""), ("labels/mito/0", "/labels/mito")])
def test_a_level_has_no_place_in_a_browser(cell: Path, level: str, pyramid: str) -> None:
    with pytest.raises(VolumeError, match=rf"/{level} is a level: give {cell}{pyramid}: the browser chooses"):
        find_layers([cell / level])


def test_names_occur_once(cell: Path) -> None:
    assert [layer.name for layer in find_layers([cell, cell / "labels" / "mito"])] == ["cell", "mito", "mito 2"]


def test_what_a_browser_cannot_read(tmp_path: Path) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5, 6), np.uint8), photometric="minisblack")
    with pytest.raises(VolumeError, match=r"voxel size"):
        find_layers([tmp_path / "a.tif"])
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((4, 5, 6), np.uint8), imagej=True, resolution=(1e5, 1e5),
                     metadata={"unit": "nm", "spacing": 10.0})  # fmt: skip
    with pytest.raises(VolumeError, match=r"reads OME-Zarr only: asem convert|voxel size"):
        find_layers([tmp_path / "b.tif"])


def test_an_analysis_without_places(tmp_path: Path, pores: Path) -> None:
    (pores / "pores.csv").write_text("pore,diameter_nm\n1,92.5\n")
    with pytest.raises(VolumeError, match="states no places"):
        find_layers([pores])


def test_state_is_in_nm(cell: Path, pores: Path) -> None:
    state = state_of(find_layers([cell, pores]), lambda address: f"http://here/{Path(address).name}")
    assert state["dimensions"] == {axis: [1e-9, "m"] for axis in "xyz"}
    assert state["position"] == [300 + 300, 200 + 200, 1000 + 80]  # x, y, z
    image, label, points = state["layers"]
    assert image["source"] == "zarr://http://here/cell.zarr"
    assert image["type"] == "image"
    assert (label["type"], label["source"]) == ("segmentation", "zarr://http://here/mito")
    assert points["annotations"][1]["point"] == [500, 320, 1060]


def test_meshes(meshes: Path, cell: Path) -> None:
    (layer,) = find_layers([meshes])
    assert (layer.name, layer.kind, layer.meshes) == ("golgi meshes", "meshes", ("5",))
    state = state_of([layer], lambda address: f"http://here/{Path(address).name}")
    assert state["position"] == [600, 400, 1080]
    assert state["layers"] == [
        {"type": "segmentation", "name": "golgi meshes", "source": "precomputed://http://here/golgi_meshes",
         "segments": ["5"], "segmentDefaultColor": "#e69f00"}
    ]  # fmt: skip
    with view([cell, meshes]) as viewer:
        number = [each.kind for each in viewer.layers].index("meshes")
        assert asked(f"{root_of(viewer.address)}/data/{number}/5:0")[2] == b'{"fragments": ["5.mesh"]}'
        assert asked(f"{root_of(viewer.address)}/data/{number}/5%3A0")[0] == 200


def test_meshes_for_other_programs(meshes: Path) -> None:
    about = json.loads((meshes / "mesh.json").read_text())
    (meshes / "mesh.json").write_text(json.dumps({**about, "format": "glb"}))
    with pytest.raises(VolumeError, match=r"meshes as glb.*asem mesh golgi.zarr -o NAME"):
        find_layers([meshes])


def test_nothing_to_see() -> None:
    with pytest.raises(VolumeError, match="nothing to see"):
        state_of([], str)


def test_ranges() -> None:
    assert part_of("bytes=-0", 10) == range(0)
    assert part_of("bytes=5-2", 10) == range(0)
    assert part_of("lines=1-2", 10) == range(0)
    assert part_of("bytes=8-99", 10) == range(8, 10)


def test_the_server_answers_a_client_of_zarr(cell: Path) -> None:
    with view([cell]) as viewer:
        status, headers, page = asked(viewer.address)
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert HERE.encode() in page
        script = re.search(rb'src="(main[^"]+\.js)"', page)
        assert script is not None
        assert asked(f"{root_of(viewer.address)}/{CLIENT}/{script[1].decode()}")[0] == 200
        place = f"{root_of(viewer.address)}/data/0/.zattrs"
        whole = (cell / ".zattrs").read_bytes()
        status, headers, content = asked(place)
        assert (status, content, headers["Access-Control-Allow-Origin"]) == (200, whole, "*")
        status, headers, content = asked(place, Range="bytes=3-6")
        assert (status, content, headers["Content-Range"]) == (206, whole[3:7], f"bytes 3-6/{len(whole)}")
        assert asked(place, Range="bytes=-5")[2] == whole[-5:]
        assert asked(place, Range=f"bytes={len(whole)}-")[0] == 416
        status, headers, content = asked(place, "HEAD")
        assert (status, headers["Content-Length"], content) == (200, str(len(whole)), b"")
        status, headers, _ = asked(place, "OPTIONS")
        assert (status, headers["Access-Control-Allow-Headers"]) == (204, "Range")


def test_shards_are_read_chunk_by_chunk(tmp_path: Path) -> None:
    plan = ArrayPlan(shape=(8, 40, 60), dtype="uint8", chunk=(8, 16, 16), shard=(8, 32, 64))
    output = create_ome_zarr(
        tmp_path / "cell.zarr", image=plan, labels={}, voxel_size=SIZE, lower_edge_nm=PLACE, ome_version="0.5",
        provenance={},
    )  # fmt: skip
    image = np.random.default_rng(0).integers(50, 150, plan.shape).astype(np.uint8)
    output.image[:] = image
    with view([tmp_path / "cell.zarr"]) as viewer:
        store = {"driver": "http", "base_url": f"{root_of(viewer.address)}/data/0/0/"}
        seen = tensorstore.open({"driver": "zarr3", "kvstore": store}).result()
        np.testing.assert_array_equal(seen[:, 10:30, 10:50].read().result(), image[:, 10:30, 10:50])


def test_a_bucket_is_read_on_this_side(bucket: str, cell: Path) -> None:
    with view([bucket]) as viewer:
        assert [(layer.name, layer.kind) for layer in viewer.layers] == [("cell", "image"), ("mito", "labels")]
        place = f"{root_of(viewer.address)}/data/0"
        chunk = (cell / "0" / "0" / "1" / "2").read_bytes()
        status, headers, content = asked(f"{place}/0/0/1/2")
        assert (status, content, headers["Content-Length"]) == (200, chunk, str(len(chunk)))
        status, headers, content = asked(f"{place}/0/0/1/2", Range="bytes=-7")
        assert (status, content) == (206, chunk[-7:])
        assert headers["Content-Range"] == f"bytes {len(chunk) - 7}-{len(chunk) - 1}/{len(chunk)}"
        assert asked(f"{place}/0/0/1/2", "HEAD")[1]["Content-Length"] == str(len(chunk))
        for nothing in ("zarr.json", "0", "0/9/9/9", "../cell.zarr/.zattrs", "%2e%2e/cell.zarr/.zattrs"):
            assert asked(f"{place}/{nothing}")[0] == 404
            assert asked(f"{place}/{nothing}", "HEAD")[0] == 404


def test_what_cannot_be_read_is_told_here_and_there(cell: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fail(place: Any) -> bytes:
        raise VolumeError(f"{place}: the server cannot be reached")

    with view([cell]) as viewer:
        place = f"{root_of(viewer.address)}/data/0/.zattrs"
        with monkeypatch.context() as patch:
            patch.setattr("asem_view.files.read_bytes", fail)
            status, _, content = asked(place)
        assert (status, content) == (502, b"")
        assert asked(place)[0] == 200
    assert f"{cell}/.zattrs: the server cannot be reached" in caplog.text


@pytest.mark.parametrize(
    "path", ["data/0/../../secret", "data/0/%2e%2e/secret", "data/0/..%2fsecret", "data/0/link/secret",
             "data/1/.zattrs", "data/0", "data", "", "v/asem/../../../server.py", "data/0/no", "data/0//etc/passwd"],
)  # fmt: skip
def test_nothing_else_is_served(cell: Path, path: str) -> None:
    (cell.parent / "secret").write_text("secret")
    (cell / "link").symlink_to(cell.parent)
    with view([cell / "labels" / "mito"]) as viewer:
        assert asked(f"{root_of(viewer.address)}/{path}")[0] == 404


def test_without_the_token_nothing_is_served(cell: Path) -> None:
    with view([cell]) as viewer:
        address = root_of(viewer.address)
        wrong = f"{address.rpartition('/')[0]}/{'x' * 22}"
        assert asked(f"{wrong}/data/0/.zattrs")[0] == 404
        assert asked(f"{wrong}/{CLIENT}/{PAGE}")[0] == 404
        assert address.startswith("http://127.0.0.1:")


def test_a_name_cannot_end_the_script(cell: Path) -> None:
    state = {"layers": [{"name": "</script><script>alert(1)</script>"}]}
    assert "</script><script>alert" not in render_page(state)


def test_a_site(cell: Path, pores: Path, tmp_path: Path) -> None:
    site = export([cell, pores], tmp_path / "site")
    assert (site / "data" / "0" / "cell.zarr" / ".zattrs").read_bytes() == (cell / ".zattrs").read_bytes()
    assert f"{HERE}/data/0/cell.zarr/labels/mito" in (site / CLIENT / PAGE).read_text()
    assert not (site / "data" / "1").exists()
    assert CLIENT in (site / PAGE).read_text()
    with pytest.raises(OutputError, match="exists already"):
        export([cell], tmp_path / "site")
    with pytest.raises(OutputError):
        export([cell], cell / "site")


def test_a_site_of_a_label_named_before_its_image(cell: Path, tmp_path: Path) -> None:
    site = export([cell / "labels" / "mito", cell], tmp_path / "site")
    places = re.findall(rf"zarr://{HERE}/([^\"]+)", (site / CLIENT / PAGE).read_text())
    assert places == ["data/0/cell.zarr/labels/mito", "data/0/cell.zarr", "data/0/cell.zarr/labels/mito"]
    assert all((site / place / ".zattrs").is_file() for place in places)
    assert [folder.name for folder in (site / "data").iterdir()] == ["0"]


@pytest.fixture
def photographed() -> Callable[[str], Any]:
    """``photographed(address)``: pixels ``(y, x, RGB)`` of the page."""
    from asem_view.browser import BROWSERS, photograph

    if not any(shutil.which(name) for name in BROWSERS):
        pytest.skip("no browser: apt-get install chromium")

    def pixels(address: str) -> Any:
        with Image.open(BytesIO(photograph(address, size=(800, 600)))) as picture:
            return np.asarray(picture.convert("RGB")).astype(int)

    return pixels


@pytest.mark.slow
@pytest.mark.parametrize("hosted", [False, True])
def test_what_the_browser_draws(cell: Path, meshes: Path, tmp_path: Path, photographed: Any, hosted: bool) -> None:
    """A label and a mesh are where their place in nm says, in their colour: served, and as a site."""
    if hosted:
        with hosting(export([cell, meshes], tmp_path / "site")) as (address, _):
            seen = photographed(f"{address}/{CLIENT}/{PAGE}")
    else:
        with view([cell, meshes]) as viewer:
            seen = photographed(viewer.address)
    _check_label(seen)
    _check_mesh(seen)


@pytest.mark.slow
def test_a_bucket_is_drawn_and_the_browser_knows_nothing_of_it(bucket: str, photographed: Any) -> None:
    with view([bucket]) as viewer:
        page = asked(viewer.address)[2].decode()
        assert not [word for word in ("s3://", "some-lab", os.environ["AWS_ENDPOINT_URL"], SECRET) if word in page]
        seen = photographed(viewer.address)
    _check_label(seen)


@contextmanager
def hosting(folder: Path) -> Iterator[tuple[str, dict[str, list[int]]]]:
    """The address of a plain web server on ``folder``, and the bytes that it sent at each request, by path."""
    sent: defaultdict[str, list[int]] = defaultdict(list)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

        def send_error(self, *args: Any, **values: Any) -> None:
            sent[self.path].append(0)
            super().send_error(*args, **values)

        def copyfile(self, source: Any, outputfile: Any) -> None:
            content = source.read()
            sent[self.path].append(len(content))
            with suppress(ConnectionError):
                outputfile.write(content)

    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}", sent
    finally:
        http.shutdown()
        http.server_close()


def _check_label(seen: Any) -> None:
    blue = (seen[..., 2] - seen[..., 0] > 30) & (seen[..., 1] - seen[..., 0] > 15)
    blue[:_TABS] = False
    rows, columns = np.nonzero(blue[: seen.shape[0] // 2, : seen.shape[1] // 2])
    assert len(rows) > 200
    assert _pixels(columns) / _pixels(rows) == pytest.approx(2, rel=0.1)  # 20 voxels wide, 10 high
    assert columns.min() == pytest.approx(seen.shape[1] / 4, abs=4)  # it begins in the middle, and goes on to the right


def _check_mesh(seen: Any) -> None:
    """To the right of the middle of its panel, and above it."""
    orange = (seen[..., 0] - seen[..., 2] > 80) & (seen[..., 1] - seen[..., 2] > 40)
    orange[:_TABS] = False
    rows, columns = np.nonzero(orange)
    assert len(rows) > 200
    height, width = seen.shape[0] - _TABS, seen.shape[1]
    middle = (
        _TABS + height * (1 if np.median(rows) < _TABS + height / 2 else 3) / 4,
        width * (1 if np.median(columns) < width / 2 else 3) / 4,
    )
    assert rows.max() == pytest.approx(middle[0], abs=12)
    assert columns.min() == pytest.approx(middle[1], abs=12)
    assert _pixels(columns) / _pixels(rows) == pytest.approx(2, rel=0.2)


def _pixels(places: Any) -> int:
    return int(np.ptp(places)) + 1


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A folder with ``large.zarr``: 10^9 voxels and all coarser levels, every chunk a link to one and the same file."""
    plan = ArrayPlan(shape=(1000, 1000, 1000), dtype="uint8", chunk=(64, 64, 64))
    path = tmp_path / "web" / "large.zarr"
    output = create_ome_zarr(
        path, image=plan, labels={}, voxel_size=VoxelSize((5.0, 5.0, 5.0)), lower_edge_nm=(0.0, 0.0, 0.0), provenance={}
    )
    output.image[:64, :64, :64] = np.random.default_rng(0).integers(50, 150, plan.chunk).astype(np.uint8)
    for number, level in enumerate(output.image_levels):
        for place in product(*(range(-(-n // 64)) for n in level.shape)):
            chunk = path.joinpath(str(number), *map(str, place))
            chunk.parent.mkdir(parents=True, exist_ok=True)
            if any((number, *place)):
                os.link(path / "0" / "0" / "0" / "0", chunk)
    return path.parent


@pytest.mark.slow
def test_of_a_large_volume_little_is_read_for_the_first_picture(large: Path, photographed: Any) -> None:
    chunk = (large / "large.zarr" / "0" / "0" / "0" / "0").stat().st_size
    with hosting(large) as (address, sent), view([f"{address}/large.zarr"]) as viewer:
        assert viewer.layers[0].grey == pytest.approx((50, 149), abs=2)
        requests = [size for sizes in sent.values() for size in sizes]
        assert sum(requests) < 25 * chunk  # to choose black and white
        assert len(requests) < 60
        seen = photographed(viewer.address)
    assert seen[seen.shape[0] // 4, seen.shape[1] // 4].max() > 0
    assert sum(size for sizes in sent.values() for size in sizes) < 400 * chunk  # of 4,096
