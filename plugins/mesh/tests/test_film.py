"""Films: what is where in a picture, and that the files are films."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asem_mesh import make_meshes
from asem_mesh.film.reel import check_film, write_film
from asem_mesh.film.scene import open_scene
from asem_mesh.film.sheet import label
from asem_mesh.film.shoot import make_movie
from PIL import Image

from asem_core.errors import AsemError, VolumeError
from asem_core.geometry import VoxelSize
from asem_core.volume import ArrayPlan, create_ome_zarr

SIZE = (240, 160)


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An image, bright where x is small, and the meshes of a box of Golgi in its corner of small x, y, z."""
    folder = tmp_path_factory.mktemp("film")
    shape = (20, 30, 40)
    plan = ArrayPlan(shape=shape, dtype="uint8", chunk=shape)
    common: dict[str, Any] = {"labels": {}, "voxel_size": VoxelSize((20.0, 10.0, 10.0)), "provenance": {}}
    image = create_ome_zarr(folder / "cell.zarr", image=plan, lower_edge_nm=(1000, 0, 0), **common)
    image.image[:] = np.broadcast_to(np.where(np.arange(40) < 20, 220, 30), shape)
    labels = create_ome_zarr(folder / "golgi.zarr", image=plan, lower_edge_nm=(1000, 0, 0), **common)
    body = np.zeros(shape, np.uint8)
    body[2:8, 4:12, 4:16] = 1
    labels.image[:] = body
    meshes = make_meshes(folder / "golgi.zarr", folder / "golgi_meshes", kind="labels")
    return folder / "cell.zarr", meshes.folder


def orange(picture: Any) -> Any:
    values = picture.astype(int)
    return np.nonzero((values[..., 0] - values[..., 2] > 60) & (values[..., 1] - values[..., 2] > 20))


def test_a_surface_is_drawn_where_it_lies(cell: tuple[Path, Path]) -> None:
    pytest.importorskip("pyvista")
    from asem_mesh.film.stage import Stage

    with Stage(open_scene([cell[1]]), size=SIZE, ground="dark") as stage:
        stage.turn(0)
        rows, columns = orange(stage.picture())
        scale = stage.um_per_pixel * 1000
        # The box is 40 to 160 nm of 400 in x: its middle lies 100 nm to the left.
        assert (columns.mean() - SIZE[0] / 2) * scale == pytest.approx(-100, abs=8)
        assert (columns.max() - columns.min() + 1) * scale == pytest.approx(120, abs=12)
        assert rows.mean() < SIZE[1] / 2
        stage.turn(180)
        _, columns = orange(stage.picture())
        assert (columns.mean() - SIZE[0] / 2) * scale == pytest.approx(100, abs=8)


def test_a_section_hides_what_it_has_not_passed(cell: tuple[Path, Path]) -> None:
    pytest.importorskip("pyvista")
    from asem_mesh.film.stage import Stage

    scene = open_scene(cell)
    assert scene.image is not None
    with Stage(scene, size=SIZE, ground="dark") as stage:
        stage.turn(0)
        stage.cut(scene.image, 0.0)
        before = stage.picture()
        assert len(orange(before)[0]) == 0
        left, right = before[80, 90:110].mean(), before[80, 130:150].mean()
        assert left > 200 > 60 > right  # as the image: bright where x is small
        stage.cut(scene.image, 0.9)
        assert len(orange(stage.picture())[0]) > 100


@pytest.mark.parametrize("off_nm", [0, 10])
def test_what_begins_at_the_section_does_not_flicker(cell: tuple[Path, Path], tmp_path: Path, off_nm: int) -> None:
    """A cap where the volume begins, half a voxel before the first section or in it."""
    pytest.importorskip("pyvista")
    from asem_mesh.film.stage import Stage

    body = np.zeros((20, 30, 40), np.uint8)
    body[:8, 4:12, 4:16] = 1
    plan = ArrayPlan(shape=body.shape, dtype="uint8", chunk=body.shape)
    place = {"voxel_size": VoxelSize((20.0, 10.0, 10.0)), "lower_edge_nm": (1000 + off_nm, 0, 0)}
    create_ome_zarr(tmp_path / "golgi.zarr", image=plan, labels={}, provenance={}, **place).image[:] = body
    scene = open_scene([cell[0], make_meshes(tmp_path / "golgi.zarr", tmp_path / "meshes", kind="labels").folder])
    assert scene.image is not None
    with Stage(scene, size=SIZE, ground="dark") as stage:
        stage.turn(0)
        stage.cut(scene.image, 0.0)
        assert len(orange(stage.picture())[0]) == 0
        stage.cut(scene.image, 0.1)
        whole = len(orange(stage.picture())[0])
        assert whole == pytest.approx(120 * 80 / (1000 * stage.um_per_pixel) ** 2, rel=0.1)


def test_scale_bar_and_legend(cell: tuple[Path, Path]) -> None:
    black = np.zeros((360, 640, 3), np.uint8)
    found = label(black, open_scene([cell[1]]).surfaces, um_per_pixel=0.002, ground="dark")
    bar = np.nonzero((found[349] == (235, 238, 243)).all(axis=-1))[0]
    assert len(bar) == pytest.approx(200 / 2, abs=2)  # 200 nm
    assert (found[:30] == (230, 159, 0)).all(axis=-1).any()
    assert black.max() == 0


def test_films_are_films(tmp_path: Path) -> None:
    pictures = [np.full((32, 48, 3), 20 * number, np.uint8) for number in range(6)]
    write_film(tmp_path / "a", iter(pictures), format=".gif", frames_per_second=10)
    with Image.open(tmp_path / "a") as film:
        assert (film.format, film.n_frames, film.size, film.info["duration"]) == ("GIF", 6, (48, 32), 100)
        film.seek(5)
        assert np.abs(np.asarray(film.convert("RGB")).astype(int) - 100).max() < 8
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg: apt-get install ffmpeg")
    write_film(tmp_path / "b", iter(pictures), format=".mp4", frames_per_second=10)
    told = subprocess.run(["ffmpeg", "-i", tmp_path / "b", "-f", "null", "-"], capture_output=True, text=True).stderr
    assert "48x32" in told
    assert "10 fps" in told
    with pytest.raises(AsemError, match="ffmpeg could not write"):
        write_film(tmp_path / "no" / "b", iter(pictures), format=".mp4", frames_per_second=10)


def test_what_is_refused(cell: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AsemError, match="an MP4 or a GIF"):
        make_movie([cell[1]], tmp_path / "a.avi")
    with pytest.raises(AsemError, match="even sides"):
        make_movie([cell[1]], tmp_path / "a.gif", size=(33, 20))
    with pytest.raises(VolumeError, match="needs meshes"):
        make_movie([cell[0]], tmp_path / "a.gif")
    with pytest.raises(VolumeError, match="one image"):
        make_movie([cell[0], cell[0].parent / "golgi.zarr", cell[1]], tmp_path / "a.gif")
    with pytest.raises(AsemError, match="needs the image"):
        make_movie([cell[1]], tmp_path / "a.gif", motion="fly-through")
    make_meshes(cell[0].parent / "golgi.zarr", tmp_path / "ply", kind="labels", format="ply")
    with pytest.raises(VolumeError, match="meshes as ply"):
        make_movie([tmp_path / "ply"], tmp_path / "a.gif")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(AsemError, match="needs the program ffmpeg"):
        check_film(tmp_path / "a.mp4")


@pytest.mark.parametrize("motion", ["turntable", "fly-through"])
def test_the_command(cell: tuple[Path, Path], tmp_path: Path, motion: str) -> None:
    pytest.importorskip("pyvista")
    from asem_mesh.commands import movie
    from click.testing import CliRunner

    words = [
        *map(str, cell),
        "-o",
        str(tmp_path / "a.gif"),
        f"--{motion}",
        "--seconds",
        "0.5",
        "--fps",
        "4",
        "--size",
        "96x64",
    ]
    found = CliRunner().invoke(movie, words)
    assert found.exit_code == 0, found.output
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.n_frames, film.size) == (2, (96, 64))
    assert CliRunner().invoke(movie, [*words[:-1], "96"]).exit_code == 2
