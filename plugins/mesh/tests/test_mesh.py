"""Surfaces of objects: where they are, how large, closed, the same however they are cut, and as files."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from asem_mesh import Mesh, distance, make_meshes, read_precomputed, run
from asem_mesh.distance import Sampled
from asem_mesh.simplify import simplify
from asem_mesh.smooth import smooth
from asem_mesh.surface import Frame, areas_nm2, enclosed_nm3, find_surface, is_closed, join, loose_edges_nm, to_mesh
from scipy import ndimage

from asem_core import analyze
from asem_core.errors import BudgetError, OutputError, VolumeError
from asem_core.geometry import FloatTriple, VoxelSize
from asem_core.volume import ArrayPlan, create_ome_zarr

Array = npt.NDArray[Any]
CUBE, FLAT = VoxelSize((5.0, 5.0, 5.0)), VoxelSize((8.0, 4.0, 4.0))
NOWHERE = Frame(lower_nm=(-1e9,) * 3, upper_nm=(1e9,) * 3, tolerance_nm=1e-3)


def turned(size: VoxelSize, reach_nm: float) -> list[Array]:
    """Coordinates of voxels about a middle between them, in axes that are turned against the grid."""
    count = [int(2 * reach_nm / v) + 6 for v in size.zyx]
    z, y, x = (
        (g - (n - 1) / 2 + shift) * v
        for g, n, v, shift in zip(np.indices(count), count, size.zyx, (-0.3, 0.1, 0.4), strict=True)
    )
    c, s = np.cos(0.5), np.sin(0.5)
    z, y = c * z - s * y, s * z + c * y
    return [z, c * y - s * x, s * y + c * x]


def sphere(size: VoxelSize) -> tuple[Array, float, float]:
    z, y, x = turned(size, 100)
    return z**2 + y**2 + x**2 < 100**2, 4 / 3 * np.pi * 100**3, 4 * np.pi * 100**2


def ellipsoid(size: VoxelSize) -> tuple[Array, float, float]:
    """Prolate, 100 x 50 x 50 nm, whose surface has a closed form."""
    z, y, x = turned(size, 100)
    e = np.sqrt(1 - 0.25)
    return (
        (z / 100) ** 2 + (y / 50) ** 2 + (x / 50) ** 2 < 1,
        4 / 3 * np.pi * 100 * 50**2,
        (2 * np.pi * 50**2 * (1 + 100 / (50 * e) * np.arcsin(e))),
    )


def torus(size: VoxelSize) -> tuple[Array, float, float]:
    z, y, x = turned(size, 130)
    return (np.hypot(y, x) - 90) ** 2 + z**2 < 35**2, 2 * np.pi**2 * 90 * 35**2, 4 * np.pi**2 * 90 * 35


def cylinder(size: VoxelSize) -> tuple[Array, float, float]:
    """With round ends: edges are what smoothing is allowed to round."""
    z, y, x = turned(size, 130)
    along = np.clip(z, -80, 80)
    return (
        (z - along) ** 2 + y**2 + x**2 < 45**2,
        np.pi * 45**2 * 160 + 4 / 3 * np.pi * 45**3,
        (2 * np.pi * 45 * 160 + 4 * np.pi * 45**2),
    )


def blobs(shape: tuple[int, int, int]) -> Array:
    """Rough objects of every size, most of them cut, with ids."""
    noise = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=shape), 2)
    labels, _ = ndimage.label(noise > noise.std())
    return np.asarray(labels.astype(np.uint16))


def write(path: Path, labels: Array, size: VoxelSize = CUBE, place: FloatTriple = (0.0, 0.0, 0.0)) -> Path:
    plan = ArrayPlan(shape=labels.shape, dtype=labels.dtype.name, chunk=(16, 16, 16))
    output = create_ome_zarr(path, image=plan, labels={}, voxel_size=size, lower_edge_nm=place, provenance={})
    output.image[:] = labels
    return path


def rough(mask: Array, size: VoxelSize = CUBE) -> Mesh:
    return to_mesh(find_surface(np.pad(mask, 1), (-1, -1, -1)), voxel_size=size, lower_edge_nm=(0, 0, 0))


@pytest.mark.parametrize("size", [CUBE, FLAT])
@pytest.mark.parametrize("shape", [sphere, ellipsoid, torus, cylinder])
def test_volume_and_surface_are_those_of_the_shape(tmp_path: Path, shape: Any, size: VoxelSize) -> None:
    mask, volume, surface = shape(size)
    made = make_meshes(write(tmp_path / "a.zarr", mask.astype(np.uint8), size), tmp_path / "out", kind="labels")
    (row,) = made.table.itertuples()
    assert row.mesh_volume_nm3 == pytest.approx(volume, rel=0.02)
    assert row.mesh_surface_nm2 == pytest.approx(surface, rel=0.02)
    assert row.mesh_closed
    assert not row.mesh_cut
    assert row.mesh_triangles < len(rough(mask).faces) / 5
    assert enclosed_nm3(read_precomputed(made.folder, 1)) == pytest.approx(row.mesh_volume_nm3, rel=1e-4)


def test_any_mask_has_a_closed_surface() -> None:
    for seed, share in enumerate((0.1, 0.4, 0.6, 0.95)):
        mask = np.random.default_rng(seed).random((12, 13, 14)) < share
        mesh = rough(mask)
        assert is_closed(mesh)
        assert enclosed_nm3(mesh) > 0


def test_an_open_mesh_is_not_closed() -> None:
    mesh = rough(np.ones((2, 2, 2), bool))
    assert not is_closed(Mesh(vertices_nm=mesh.vertices_nm, faces=mesh.faces[1:]))
    assert not is_closed(Mesh(vertices_nm=mesh.vertices_nm, faces=np.concatenate([mesh.faces, mesh.faces[:1]])))


def test_there_is_no_seam(tmp_path: Path) -> None:
    """Every byte is the same, however the volume is cut."""
    labels = write(tmp_path / "a.zarr", blobs((30, 34, 38)))
    whole, parts = (
        make_meshes(labels, tmp_path / name, block=block).folder
        for name, block in (("whole", (64, 64, 64)), ("parts", (7, 16, 11)))
    )
    files = sorted(path.name for path in whole.iterdir())
    assert len(files) > 20
    assert sorted(path.name for path in parts.iterdir()) == files
    data = [name for name in files if name.endswith((".mesh", ".csv"))]
    assert [name for name in data if (whole / name).read_bytes() != (parts / name).read_bytes()] == []


def test_pieces_join_in_any_order() -> None:
    mask = np.pad(blobs((14, 14, 14)) > 0, 1)
    whole = find_surface(mask, (0, 0, 0))
    parts = [find_surface(mask[:9], (0, 0, 0)), find_surface(mask[8:], (8, 0, 0))]
    for joined in (join(parts), join(parts[::-1])):
        assert np.array_equal(joined.halves, whole.halves)
        assert np.array_equal(joined.faces, whole.faces)


def test_a_cut_object_ends_in_a_flat_cap_or_is_open(tmp_path: Path) -> None:
    mask, _, _ = sphere(CUBE)
    half = mask[mask.shape[0] // 2 :].astype(np.uint8)
    height = 100 + 0.3 * 5  # the middle of the sphere is 0.3 voxels from the face of the volume
    labels = write(tmp_path / "a.zarr", half, place=(1000.0, 0.0, 0.0))
    closed = make_meshes(labels, tmp_path / "closed", kind="labels")
    opened = make_meshes(labels, tmp_path / "open", kind="labels", open=True)
    assert closed.table.mesh_closed.all()
    assert not opened.table.mesh_closed.any()
    for made in (closed, opened):
        (row,) = made.table.itertuples()
        assert row.mesh_cut
        assert row.mesh_volume_nm3 == pytest.approx(half.sum() * 125, rel=0.005)
        assert row.mesh_surface_nm2 == pytest.approx(2 * np.pi * 100 * height, rel=0.03)
    mesh, shell = (read_precomputed(made.folder, 1) for made in (closed, opened))
    assert mesh.vertices_nm[:, 0].min() == 1000
    assert len(shell.faces) < len(mesh.faces)
    assert areas_nm2(mesh).sum() - areas_nm2(shell).sum() == pytest.approx(np.pi * 97.5**2, rel=0.05)


def test_a_cap_may_be_one_triangle(tmp_path: Path) -> None:
    labels = np.zeros((16, 16, 16), np.uint16)
    labels[1:12, 2:12, 2:12] = 1
    labels[0, 5:7, 5:7] = 1
    labels[0, 6, 6] = 0
    made = make_meshes(write(tmp_path / "a.zarr", labels), tmp_path / "out", kind="labels")
    (row,) = made.table.itertuples()
    assert row.mesh_cut
    assert row.mesh_closed
    assert row.mesh_triangles < len(rough(labels > 0).faces) / 2


def test_it_lies_where_the_volume_says(tmp_path: Path) -> None:
    labels = np.zeros((12, 14, 16), np.uint16)
    labels[2:6, 3:9, 4:12] = 9
    made = make_meshes(
        write(tmp_path / "a.zarr", labels, FLAT, (100.0, 200.0, 300.0)), tmp_path / "out", kind="labels", error_nm=0
    )
    mesh = read_precomputed(made.folder, 1)  # a mask of one value: components are counted
    middle = (mesh.vertices_nm.min(axis=0) + mesh.vertices_nm.max(axis=0)) / 2
    assert middle == pytest.approx([100 + 4 * 8, 200 + 6 * 4, 300 + 8 * 4], abs=0.5)


def test_the_error_holds() -> None:
    """Against places strewn on both surfaces; how far apart two such sets are on one surface is what that can tell."""
    mask = blobs((16, 16, 16)) > 0
    full = smooth(rough(mask), NOWHERE, voxel_size=CUBE, volume_nm3=float(mask.sum()) * 125)
    for error_nm in (1.0, 4.0):
        found = simplify(full, NOWHERE, error_nm=error_nm, spacing_nm=5.0)
        assert len(found.mesh.faces) < len(full.faces)
        assert 0 < found.error_nm <= error_nm
        spacing = hausdorff(strewn(full, seed=0), strewn(full, seed=1))
        assert spacing < 2
        assert hausdorff(strewn(found.mesh, seed=0), strewn(full, seed=1)) < error_nm + spacing


def strewn(mesh: Mesh, *, seed: int, count: int = 60_000) -> Array:
    rng, area = np.random.default_rng(seed), areas_nm2(mesh)
    rows = rng.choice(len(area), count, p=area / area.sum())
    u, v = rng.random((2, count))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    a, b, c = (corner[rows] for corner in mesh.corners_nm)
    return np.asarray(a + u[:, None] * (b - a) + v[:, None] * (c - a))


def hausdorff(one: Array, other: Array) -> float:
    from scipy.spatial import KDTree

    return float(max(KDTree(one).query(other)[0].max(), KDTree(other).query(one)[0].max()))


def test_the_distance_of_two_spheres() -> None:
    small, large = (sphere_mesh(radius) for radius in (100.0, 103.0))
    assert apart(small, large, enough_nm=10) == pytest.approx(3, abs=0.1)
    assert apart(small, large, enough_nm=1) > 1
    dented = bumped(large)
    for one, other in ((large, dented), (dented, large)):
        assert 5 < apart(one, other, enough_nm=99) <= 10.4


def apart(one: Mesh, other: Mesh, *, enough_nm: float) -> float:
    return distance.apart(Sampled.of(one, spacing_nm=5), Sampled.of(other, spacing_nm=5), enough_nm=enough_nm).nm


def bumped(mesh: Mesh) -> Mesh:
    vertices = mesh.vertices_nm.copy()
    vertices[7] *= 1.1
    return Mesh(vertices_nm=vertices, faces=mesh.faces)


def test_the_farthest_of_many_points_is_the_farthest_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though those are left out that cannot be it."""
    monkeypatch.setattr("asem_mesh.distance._CHUNK", 50)
    ball = Sampled.of(sphere_mesh(100.0), spacing_nm=5)
    points = bumped(sphere_mesh(101.0)).vertices_nm[2::5]
    each = [ball.beyond(point[None], enough_nm=99, most=0)[1] for point in points]
    assert sorted(each)[-2] < 3 < max(each)
    assert ball.beyond(points, enough_nm=99, most=0)[1] == max(each)
    rows, farthest = ball.beyond(points, enough_nm=2, most=len(points))
    assert sorted(rows) == [row for row, nm in enumerate(each) if nm > 2]
    assert farthest == max(each)


def sphere_mesh(radius: float) -> Mesh:
    from trimesh.creation import icosphere

    ball = icosphere(subdivisions=4, radius=radius)
    return Mesh(vertices_nm=np.asarray(ball.vertices), faces=np.asarray(ball.faces)[:, ::-1].astype(np.int64))


def test_threads_do_not_mix_meshes() -> None:
    """The library that simplifies has global variables."""
    blob = blobs((20, 20, 20))
    masks = [blob == number for number in range(1, 6) if (blob == number).sum() > 100]
    meshes = [smooth(rough(m), NOWHERE, voxel_size=CUBE, volume_nm3=125.0 * m.sum()) for m in masks] * 6

    def triangles(mesh: Mesh) -> Array:
        return simplify(mesh, NOWHERE, error_nm=4, spacing_nm=10).mesh.vertices_nm

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(triangles, meshes))
    assert all(np.array_equal(a, b) for a, b in zip(together, map(triangles, meshes), strict=True))


def test_a_few_rough_places_do_not_keep_all_triangles(monkeypatch: pytest.MonkeyPatch) -> None:
    from trimesh.creation import icosphere

    ball = icosphere(subdivisions=6, radius=500)
    mask = blobs((8, 8, 8)) > 0
    blob = smooth(rough(mask), NOWHERE, voxel_size=CUBE, volume_nm3=125.0 * mask.sum())
    mesh = Mesh(
        vertices_nm=np.concatenate([ball.vertices, blob.vertices_nm + 700]),
        faces=np.concatenate([ball.faces[:, ::-1], blob.faces + len(ball.vertices)]),
    )
    found = simplify(mesh, NOWHERE, error_nm=1, spacing_nm=10)
    assert is_closed(found.mesh)
    assert 0 < found.error_nm <= 1
    assert len(found.mesh.faces) < 0.15 * len(mesh.faces)
    monkeypatch.setattr("asem_mesh.simplify._ROUNDS", 1)
    assert len(simplify(mesh, NOWHERE, error_nm=1, spacing_nm=10).mesh.faces) > 1.5 * len(found.mesh.faces)


def test_edges_that_keep_a_mesh_open_are_found() -> None:
    ball = sphere_mesh(100.0)
    assert len(loose_edges_nm(ball)) == 0
    torn = Mesh(vertices_nm=ball.vertices_nm, faces=ball.faces[1:])
    corners = ball.vertices_nm[ball.faces[0]]
    middles = (corners + np.roll(corners, -1, axis=0)) / 2
    assert sorted(map(tuple, loose_edges_nm(torn))) == sorted(map(tuple, middles))
    turned_over = Mesh(vertices_nm=ball.vertices_nm, faces=np.concatenate([ball.faces[:1, ::-1], ball.faces[1:]]))
    assert len(loose_edges_nm(turned_over)) == 3
    pinched = Mesh(
        vertices_nm=ball.vertices_nm, faces=np.concatenate([ball.faces, ball.faces[:1], ball.faces[:1, ::-1]])
    )
    assert len(loose_edges_nm(pinched)) == 3


def test_memory_decides_how_many_surfaces_are_made_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = write(tmp_path / "a.zarr", blobs((24, 24, 24)), CUBE)
    whole = make_meshes(labels, tmp_path / "whole").table
    largest = _triangles(labels, tmp_path / "rough")
    used: list[int] = []
    real = run.map_blocks

    def counting(*given: Any, **named: Any) -> Any:
        if named.get("sweep") == "meshes":
            used.append(named["executor"].workers)
        return real(*given, **named)

    monkeypatch.setattr(run, "map_blocks", counting)
    monkeypatch.setattr(run, "available_memory", lambda: largest * run._BYTES_PER_TRIANGLE)
    assert make_meshes(labels, tmp_path / "one").table.equals(whole)
    assert used == [1]
    monkeypatch.setattr(run, "available_memory", lambda: largest * run._BYTES_PER_TRIANGLE - 1)
    with pytest.raises(
        BudgetError, match=r"a\.zarr: the largest surface has .* triangles and needs .* mesh a coarser level"
    ):
        make_meshes(labels, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def _triangles(labels: Path, folder: Path) -> int:
    """Of the largest surface, before it is simplified."""
    return int(make_meshes(labels, folder, error_nm=0).table.mesh_triangles.max())


def test_what_cannot_be_simplified_stays() -> None:
    mesh = smooth(rough(np.ones((1, 1, 1), bool)), NOWHERE, voxel_size=CUBE, volume_nm3=125.0)
    assert simplify(mesh, NOWHERE, error_nm=0, spacing_nm=5).mesh is mesh
    assert simplify(mesh, NOWHERE, error_nm=1e-9, spacing_nm=5).mesh is mesh
    assert enclosed_nm3(mesh) == pytest.approx(125, rel=0.1)


@pytest.mark.parametrize("format", ["ply", "obj", "glb", "stl"])
def test_other_programs_read_it(tmp_path: Path, format: Any) -> None:
    import trimesh

    labels = np.zeros((20, 20, 20), np.uint16)
    labels[4:12, 4:12, 4:12] = 5
    labels[14:19, 14:19, 14:19] = 6
    made = make_meshes(write(tmp_path / "mito_instances.zarr", labels), tmp_path / "out", kind="labels", format=format)
    assert made.organelle == "mito"
    path = made.folder / f"5.{format}"
    read = trimesh.load_mesh(path) if format != "glb" else trimesh.load_scene(path).to_mesh()
    assert isinstance(read, trimesh.Trimesh)
    read.merge_vertices(merge_norm=True)
    scale = 1000.0 if format == "glb" else 1.0
    assert read.volume * scale**3 == pytest.approx(made.table.mesh_volume_nm3[5], rel=1e-3)
    assert read.is_watertight
    assert read.centroid * scale == pytest.approx([40, 40, 40], abs=0.5)
    content = path.read_bytes()
    if format != "stl":
        assert b"object" in content
    if format == "glb":
        nodes = trimesh.load_scene(path)
        (geometry,) = nodes.geometry.values()
        assert list(geometry.visual.material.baseColorFactor[:3]) == [86, 180, 233]
        assert geometry.metadata["mesh_triangles"] == made.table.mesh_triangles[5]
    elif format == "ply":
        assert (np.asarray(read.visual.vertex_colors)[0, :3] == [86, 180, 233]).all()


def test_measurements_are_carried(tmp_path: Path) -> None:
    labels = write(tmp_path / "mito.zarr", blobs((24, 24, 24)))
    analyze(labels, tmp_path / "objects", analysis="objects", params={"skeleton": False, "instances": False})
    made = make_meshes(labels, tmp_path / "out", measured=tmp_path / "objects")
    table = pd.read_csv(made.folder / "meshes.csv", index_col=0)
    assert table.mesh_volume_nm3.to_numpy() == pytest.approx(table.volume_nm3.to_numpy(), rel=0.01)
    stated = json.loads((made.folder / "segment_properties" / "info").read_text())["inline"]
    assert stated["ids"] == [str(number) for number in table.index]
    values = {p["id"]: p["values"] for p in stated["properties"]}
    assert values["volume_nm3"] == pytest.approx(table.volume_nm3.tolist())
    other = write(tmp_path / "other.zarr", np.pad(np.full((8, 8, 8), 60000, np.uint16), 4) + np.uint16(1))
    with pytest.raises(VolumeError, match=r"none of its .* objects is among"):
        make_meshes(other, tmp_path / "no", measured=tmp_path / "objects")
    with pytest.raises(VolumeError, match="expected a folder that asem analyze made"):
        make_meshes(labels, tmp_path / "no", measured=labels)
    assert not (tmp_path / "no").exists()


def test_what_was_not_measured_of_some_is_told_of_the_others(tmp_path: Path) -> None:
    """A whole object, one that the volume cuts, and one that was too small to be measured."""
    array = np.zeros((24, 24, 24), np.uint16)
    array[8:16, 8:16, 8:16], array[:6, 2:10, 2:10], array[20:22, 20:22, 20:22] = 3, 4, 5
    labels = write(tmp_path / "mito.zarr", array)
    few = {"skeleton": False, "instances": False}
    measured = tmp_path / "objects"
    analyze(labels, measured, analysis="objects", kind="labels", params=few)
    made = make_meshes(labels, tmp_path / "out", kind="labels", measured=measured, min_volume_nm3=0)
    stated = json.loads((made.folder / "segment_properties" / "info").read_text(), parse_constant=pytest.fail)
    assert (stated["@type"], stated["inline"]["ids"]) == ("neuroglancer_segment_properties", ["3", "4", "5"])
    properties = {each["id"]: each for each in stated["inline"]["properties"]}
    assert len(properties) == len(stated["inline"]["properties"])
    assert {each["type"] for each in properties.values()} == {"number", "string", "tags"}
    for each in properties.values():
        kind = {"number": float, "string": str, "tags": list}[each["type"]]
        assert [type(value) for value in each["values"]] == [kind] * 3
        assert each["type"] == "number" or any(each["values"])
    assert properties["mesh_volume_nm3"]["data_type"] == "float32"
    tags = properties["tags"]
    assert [[tags["tags"][n] for n in each] for each in tags["values"]] == [
        ["mesh_closed"], ["mesh_closed", "mesh_cut"], ["mesh_closed"],
    ]  # fmt: skip
    whole, cut, small = properties["sphericity"]["values"]
    assert (float(whole), cut, small) == (pytest.approx(made.table.sphericity[3]), "", "")
    assert properties["touches_border"]["values"] == ["False", "True", ""]
    assert properties["voxels"]["values"] == ["512", "384", ""]


def test_measurements_of_other_objects_are_refused(tmp_path: Path) -> None:
    """Components are numbered by what else there is: a speck that one leaves out shifts all numbers."""
    balls = np.zeros((32, 32, 64), np.uint8)
    balls[2:4, 2:4, 2:4] = balls[8:16, 8:16, 8:16] = balls[8:20, 8:20, 30:44] = 1
    mask, beside = write(tmp_path / "mask.zarr", balls), write(tmp_path / "er.zarr", np.roll(balls, 8, axis=2))
    alone = {"kind": "labels", "params": {"skeleton": False, "instances": False, "min_volume_nm3": 0.0}}
    analyze(mask, tmp_path / "all", analysis="objects", **alone)
    with pytest.raises(VolumeError, match=r"its object 1 has 8 voxels, that of these labels 512: .*--min-volume-nm3"):
        make_meshes(mask, tmp_path / "no", kind="labels", measured=tmp_path / "all")
    made = make_meshes(mask, tmp_path / "yes", kind="labels", measured=tmp_path / "all", min_volume_nm3=0)
    assert made.table.voxels.tolist() == [8, 512, 2016]
    analyze(mask, tmp_path / "contacts", analysis="contacts", others={"er": beside}, kind="labels")
    with pytest.raises(VolumeError, match="the table of contacts has a row for every contact: give one"):
        make_meshes(mask, tmp_path / "no", kind="labels", measured=tmp_path / "contacts")


def test_no_objects(tmp_path: Path) -> None:
    made = make_meshes(write(tmp_path / "a.zarr", np.zeros((8, 8, 8), np.uint16)), tmp_path / "out")
    assert len(pd.read_csv(made.folder / "meshes.csv")) == 0
    assert str(made).endswith("0 objects of a, 0 triangles")


def test_small_objects_are_left_out(tmp_path: Path) -> None:
    labels = np.zeros((12, 12, 12), np.uint16)
    labels[2:3, 2:3, 2:3], labels[6:10, 6:10, 6:10] = 1, 2
    made = make_meshes(write(tmp_path / "a.zarr", labels), tmp_path / "out")
    assert (list(made.table.index), made.left_out) == ([2], 1)


def test_what_is_refused(tmp_path: Path) -> None:
    labels = write(tmp_path / "a.zarr", blobs((12, 12, 12)))
    with pytest.raises(VolumeError, match="0 or more"):
        make_meshes(labels, tmp_path / "out", error_nm=-1)
    made = make_meshes(labels, tmp_path / "out", error_nm=0)
    assert (made.table.mesh_error_nm == 0).all()
    with pytest.raises(OutputError, match="exists already"):
        make_meshes(labels, tmp_path / "out")
    make_meshes(labels, tmp_path / "out", overwrite=True)
    (tmp_path / "out" / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match="not, or not only, meshes"):
        make_meshes(labels, tmp_path / "out", overwrite=True)
    with pytest.raises(VolumeError, match="has no mesh of the object 99"):
        read_precomputed(made.folder, 99)


def test_the_command(tmp_path: Path) -> None:
    from asem_mesh.commands import mesh
    from click.testing import CliRunner

    labels = np.zeros((12, 12, 12), np.uint16)
    labels[2:3, 2:3, 2:3], labels[6:10, 6:10, 6:10] = 1, 2
    write(tmp_path / "golgi.zarr", labels)
    found = CliRunner().invoke(mesh, [str(tmp_path / "golgi.zarr"), "-o", str(tmp_path / "out"), "--format", "ply"])
    assert found.exit_code == 0, found.output
    assert "1 object of golgi" in found.output
    assert "left out: 1" in found.output
    assert (tmp_path / "out" / "2.ply").is_file()
