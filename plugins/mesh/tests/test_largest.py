"""The largest objects on the page of an analysis: which, where, how exact, and that they can be turned."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asem_mesh import Mesh
from asem_mesh.largest.figure import draw_largest
from asem_mesh.largest.light import MOST_TRIANGLES, light_meshes, open_level
from asem_mesh.largest.still import draw_still
from asem_mesh.surface import enclosed_nm3

from asem_core import VoxelSize, analyze, report
from asem_core.errors import AsemError
from asem_core.reporting.folder import read_analysis
from asem_core.volume import ArrayPlan, create_ome_zarr

SKY = (86, 180, 233)
SIZE = VoxelSize((8.0, 5.0, 5.0))


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An analysis of mitochondria: 12 small boxes, and a ball of 100 nm radius, 20, which the first section cuts."""
    folder = tmp_path_factory.mktemp("largest")
    labels = np.zeros((40, 60, 120), np.uint16)
    z, y, x = np.indices(labels.shape)
    for number in range(1, 13):
        left = 9 * number - 5
        labels[30:36, 45 : 50 + number // 2, left : left + 6] = number
    labels[((z + 0.5) * 8 - 60) ** 2 + (y * 5 - 120) ** 2 + (x * 5 - 300) ** 2 <= 100**2] = 20
    plan = ArrayPlan(shape=labels.shape, dtype="uint16", chunk=(32, 32, 32))
    made = create_ome_zarr(
        folder / "mito.zarr", image=plan, labels={}, voxel_size=SIZE, lower_edge_nm=(1000, 0, 0), provenance={}
    )
    made.image[:] = labels
    analyze(folder / "mito.zarr", folder / "objects", analysis="objects", kind="labels")
    return folder / "objects"


def test_light_meshes_are_where_their_objects_are(analysed: Path) -> None:
    (ball,) = light_meshes(open_level(analysed / "instances.zarr"), [20])
    z, y, x = (ball.mesh.vertices_nm - (1060, 122.5, 302.5)).T
    radius = np.sqrt(z**2 + y**2 + x**2)[ball.mesh.vertices_nm[:, 0] > 1001]
    assert np.abs(radius - 100).max() <= ball.error_nm + 8
    assert ball.mesh.vertices_nm[:, 0].min() == pytest.approx(1000, abs=0.01)  # where the volume ends
    assert len(ball.mesh.faces) <= MOST_TRIANGLES
    assert 0 < ball.error_nm < 5
    cap = np.pi * 40**2 * (300 - 40) / 3
    assert enclosed_nm3(ball.mesh) == pytest.approx(4 / 3 * np.pi * 100**3 - cap, rel=0.02)


def test_an_object_that_is_not_there_is_left_out(analysed: Path) -> None:
    assert [each.number for each in light_meshes(open_level(analysed / "instances.zarr"), [3, 77, 1])] == [3, 1]


def square(near_nm: float, *, side_nm: float = 100.0) -> Mesh:
    """Facing the one who looks, ``near_nm`` from the origin towards him."""
    near, right = np.ones(3) / 3**0.5, np.array([-1.0, 1.0, 0.0]) / 2**0.5
    up = np.cross(near, right)
    corners = [near_nm * near + side_nm / 2 * (u * right + v * up) for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return Mesh(vertices_nm=np.array(corners)[:, ::-1], faces=np.array([(0, 1, 2), (0, 2, 3)]))


def test_the_nearest_surface_is_seen() -> None:
    small, large = square(10, side_nm=40), square(0)
    for order in ((0, 1), (1, 0)):
        meshes, colours = [small, large], [(200, 0, 0), (0, 0, 200)]
        picture = draw_still([meshes[i] for i in order], [colours[i] for i in order], size=(80, 60))
        assert picture.shape == (60, 80, 4)
        assert picture[30, 40, :3].argmax() == 0
        assert picture[30, 40 + 15, :3].argmax() == 2
        assert (picture[30, 40, 3], picture[2, 2, 3]) == (255, 0)
    behind = draw_still([square(-10, side_nm=40), large], [(200, 0, 0), (0, 0, 200)], size=(80, 60))
    assert behind[30, 40, :3].argmax() == 2


def plots(html: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)]


def test_the_figure_has_the_ten_largest(analysed: Path) -> None:
    found = read_analysis(analysed)
    figure = draw_largest(analysed, found.dataset)
    assert figure.title == "The 10 largest of 13 objects"
    assert "voxels of 8 x 5 x 5 nm" in figure.caption
    (plot,) = plots(figure.html)
    assert [trace["name"] for trace in plot["data"]][:2] == ["20 (cut)", "12"]
    assert {trace["color"] for trace in plot["data"]} == {"#56b4e9", "#3e82a8", "#4a9bc8"}  # of mitochondria
    assert max(len(json.dumps(trace)) for trace in plot["data"]) < 100_000
    assert "data:image/webp" in figure.html


def test_an_analysis_without_ids_has_no_figure(analysed: Path, tmp_path: Path) -> None:
    source = analysed.parent / "mito.zarr"
    analyze(source, tmp_path / "objects", analysis="objects", kind="labels", params={"instances": False})
    with pytest.raises(AsemError, match=r"left no instances\.zarr: run it without --no-instances"):
        draw_largest(tmp_path / "objects", read_analysis(tmp_path / "objects").dataset)
    page = report(tmp_path / "objects", tmp_path / "page.html").read_text()
    assert "No picture of the largest objects: the analysis left no instances.zarr" in unescape(page)
