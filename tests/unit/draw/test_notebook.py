"""Volumes in a notebook: what is drawn, and how little is read for it."""

from __future__ import annotations

import base64
import json
import re
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from asem_core import open_volume, show
from asem_core.draw import notebook
from asem_core.errors import VolumeError
from asem_core.geometry import VoxelSize
from asem_core.volume import ArrayPlan, Volume, build_pyramid, create_ome_zarr

BLUE = (86, 180, 233)


class Counting:
    """An array of noise that counts what is read of it."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape, self.dtype, self.voxels = shape, np.dtype(np.uint8), 0

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        shape = [len(range(n)[k]) for n, k in zip(self.shape, key, strict=True)]
        self.voxels += int(np.prod(shape))
        return np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)


def in_memory(array: Any, chunks: tuple[int, int, int]) -> Volume:
    return Volume(array=array, voxel_size=VoxelSize((20.0, 10.0, 10.0)), uri="noise", format="numpy", chunks=chunks)


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 x 40 x 60 voxels of 20 x 10 x 10 nm; the image is dark in the lower half of y, the label a box."""
    path = tmp_path_factory.mktemp("cell") / "cell.zarr"
    image = np.full((16, 40, 60), 50, np.uint8)
    image[:, 20:] = 200
    label = np.zeros(image.shape, np.uint8)
    label[4:12, 10:20, 30:50] = 1
    plan = ArrayPlan(shape=image.shape, dtype="uint8", chunk=(16, 16, 16))
    output = create_ome_zarr(
        path, image=plan, labels={"mito": plan}, voxel_size=VoxelSize((20.0, 10.0, 10.0)), lower_edge_nm=(1000, 0, 0),
        provenance={},
    )  # fmt: skip
    output.image[:], output.labels["mito"][:] = image, label
    build_pyramid(output)
    return path


def pictures_in(html: str) -> list[npt.NDArray[np.int64]]:
    return [
        np.asarray(Image.open(BytesIO(base64.b64decode(data))).convert("RGB")).astype(np.int64)
        for data in re.findall(r"base64,([\w+/=]{40,})", html)
    ]


def stacks_in(html: str) -> dict[str, Any]:
    found = re.search(r"Object\.entries\((\{.*\})\)\) \{", html)
    assert found is not None
    return dict(json.loads(found[1]))


def decoded(picture: str) -> npt.NDArray[np.int64]:
    return np.asarray(Image.open(BytesIO(base64.b64decode(picture))).convert("RGB")).astype(np.int64)


def test_a_volume_prints_itself_with_three_slices(cell: Path) -> None:
    html = open_volume(cell)._repr_html_()
    z, y, x = pictures_in(html)
    assert z.shape[1] / z.shape[0] == pytest.approx(1.5, abs=0.02)
    assert y.shape[1] / y.shape[0] == pytest.approx(600 / 320, abs=0.02)
    assert x.shape[1] / x.shape[0] == pytest.approx(400 / 320, abs=0.02)
    assert z[: z.shape[0] // 2 - 6].mean() < 10 < 240 < z[z.shape[0] // 2 + 6 :].mean()
    assert "cell.zarr: 16 x 40 x 60 voxels" in html


def test_labels_print_in_their_colour(cell: Path) -> None:
    z, *_ = pictures_in(open_volume(cell / "labels" / "mito")._repr_html_())
    assert (z == BLUE).all(axis=-1).any()


def test_only_three_slices_are_read() -> None:
    array = Counting((100, 110, 120))
    assert len(pictures_in(in_memory(array, (32, 32, 32))._repr_html_())) == 3
    assert array.voxels == 110 * 120 + 100 * 120 + 100 * 110


def test_what_would_take_long_is_not_read() -> None:
    array = Counting((2000, 2000, 2000))
    html = in_memory(array, (64, 64, 64))._repr_html_()
    assert (array.voxels, pictures_in(html)) == (0, [])
    assert "2000 x 2000 x 2000 voxels" in html


def test_a_coarse_level_is_read_where_the_volume_is_large(cell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = open_volume(cell)
    monkeypatch.setattr(notebook, "with_levels", lambda _: [in_memory(Counting((999, 999, 999)), (64, 64, 64)), volume])
    assert len(pictures_in(volume._repr_html_())) == 3


def test_slices_along_every_axis(cell: Path) -> None:
    figure = show(cell, [cell / "labels" / "mito"])
    stacks = stacks_in(figure.html)
    assert {axis: len(stack["places"]) for axis, stack in stacks.items()} == {"z": 16, "y": 40, "x": 48}
    assert stacks["z"]["places"][:2] == [1010, 1030]
    inside, outside = (decoded(stacks["z"]["pictures"][index]) for index in (8, 1))
    blue = inside[..., 2] - inside[..., 0] > 30
    rows, columns = (at * 60 / inside.shape[1] for at in np.nonzero(blue))
    # A voxel is 6 pixels wide, and JPEG blurs colours by some of them.
    assert (rows.min(), rows.max()) == (pytest.approx(10, abs=0.8), pytest.approx(20, abs=0.8))
    assert (columns.min(), columns.max()) == (pytest.approx(30, abs=0.8), pytest.approx(50, abs=0.8))
    assert not (outside[..., 2] - outside[..., 0] > 30).any()
    assert "mito" in figure.html
    assert not re.search(r"https?://", figure.html)
    assert unescape(figure._repr_html_()).count(figure.html) == 1


def test_labels_of_a_part_are_drawn_where_they_lie(cell: Path, tmp_path: Path) -> None:
    """On another grid, and not over all of the image."""
    plan = ArrayPlan(shape=(16, 8, 8), dtype="uint8", chunk=(8, 8, 8))
    output = create_ome_zarr(
        tmp_path / "part.zarr", image=plan, labels={"er": plan}, voxel_size=VoxelSize((20.0, 20.0, 20.0)),
        lower_edge_nm=(1000, 200, 300), provenance={},
    )  # fmt: skip
    output.image[:], output.labels["er"][:] = 1, 1
    picture = decoded(stacks_in(show(cell, tmp_path / "part.zarr" / "labels" / "er").html)["z"]["pictures"][8])
    green = picture[..., 1] - picture[..., 0] > 30
    rows, columns = (at * 60 / picture.shape[1] for at in np.nonzero(green))
    assert rows.min() == pytest.approx(20, abs=0.5)
    assert (columns.min(), columns.max()) == (pytest.approx(30, abs=0.5), pytest.approx(46, abs=0.5))


def test_what_is_too_large_to_show() -> None:
    with pytest.raises(VolumeError, match="no coarser levels: asem convert"):
        show(in_memory(Counting((200, 200, 200)), (64, 64, 64)))
