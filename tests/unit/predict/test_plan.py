"""What is decided before a run: chunks with one writer, and what a part costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core import Registry, Volume, VoxelSize
from asem_core.blocks.preflight import Preflight
from asem_core.errors import OutputError, VolumeError
from asem_core.geometry import Box, Triple
from asem_core.hookspecs import hookimpl
from asem_core.models.find import find_model
from asem_core.models.runtimes import onnx_runtime
from asem_core.models.runtimes.graph import graph_cost
from asem_core.models.runtimes.session import Session
from asem_core.models.tiling import MOST_VOXELS, Sizes, Tiling
from asem_core.network import LEAST_SIDE, POOLING, TILE_HALO
from asem_core.plugins import make_manager
from asem_core.predict.grids import plan_grids
from asem_core.predict.plan import Chosen, Plan, Settings, make_plan, plan_session
from asem_core.specs import Capabilities, OrganelleSpec, Precision, RuntimeSpec, StageRef
from asem_core.volume.staging import staged_bytes

TILING = Tiling(onnx=Path(), sizes=(Sizes(LEAST_SIDE, POOLING),) * 3, halo=(TILE_HALO,) * 3)
ZONE = StageRef(name="shell", params={"dilate": 1, "erode": 1})


def a_plan(volume: Any, roi: Box, *, tile: Triple | None = None) -> Plan:
    """Of a model at 10 nm, without its network."""
    grids = plan_grids(volume.shape, volume.voxel_size, VoxelSize((10, 10, 10)))
    needed = grids.model_box(roi)
    side = tile or TILING.candidates(needed)[0]
    lattice = TILING.lattice(side, origin=(0, 0, 0) if tile else TILING.origin(needed))
    model: Any = None
    return Plan(
        volume=volume,
        mask=None,
        organelle=OrganelleSpec(name="x", title="X", exclusion_zone=ZONE),
        model=model,
        grids=grids,
        lattice=lattice,
        roi=roi,
        tiles=tuple(map(lattice.kept, lattice.covering(needed))),
        chosen=Chosen(tile=side, origin=lattice.origin, runtime="", precision=""),
        prob_dtype="uint8",
        threads=1,
        at_once=1,
        output=Path(),
        overwrite=False,
        resumed=False,
        finished=False,
        preflight=Preflight(memory=0, disk=0, seconds=0),
    )


def nothing(shape: Triple, voxel_size_nm: tuple[float, float, float] = (10.0, 10.0, 10.0)) -> Volume:
    return Volume(
        array=np.broadcast_to(np.uint8(0), shape),
        voxel_size=VoxelSize(voxel_size_nm),
        uri="memory",
        format="memory",
        chunks=(32, 32, 32),
    )


def chunks(box: Box, chunk: Triple) -> set[Box]:
    """Those that ``box`` meets, of an array whose voxel 0 is in the first."""
    return set(box.align_out(chunk).tiles(chunk)) if box.size else set()


@settings(max_examples=60)
@given(st.data())
def test_a_chunk_of_the_output_has_one_writer(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 700)] * 3))
    size = data.draw(st.sampled_from([(10.0, 10.0, 10.0), (5.0, 5.0, 5.0), (10.0, 5.0, 10.0)]))
    start = [data.draw(st.integers(0, n - 1)) for n in shape]
    roi = Box(start, [data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)])
    tile = data.draw(st.sampled_from([None, (168, 120, 232)]))
    volume = nothing(shape, size)
    plan = a_plan(volume, roi, tile=tile)
    written = [plan.grids.output_box(kept).intersect(roi).shift([-a for a in roi.start]) for kept in plan.tiles]
    assert sum(box.size for box in written) == roi.size
    if plan.direct:
        met = [chunks(box, plan.chunk) for box in written]
        assert sum(map(len, met)) == len(set().union(*met)), "no two tiles write into one chunk"
    fine = [e for e, r in zip(roi.start, plan.grids.fine, strict=True) if e % (8 * r)]
    if tile is None and not fine:
        assert plan.direct, "a part that begins at a multiple of 8 of the model's voxels needs no second stage"


@pytest.mark.parametrize(
    ("roi", "tile", "direct"),
    [
        ("80:120,168:288,200:320", None, True),
        ("83:123,171:291,203:323", None, True),
        ("83:123,171:1999,203:323", None, False),
        ("80:120,168:1990,200:320", None, True),
        ("64:100,0:120,0:120", (168, 168, 168), True),
        ("3:100,0:120,0:120", (168, 168, 168), False),
        ("3:60,0:120,0:120", (168, 168, 168), True),
    ],
)
def test_parts_that_tiles_write_themselves(roi: str, tile: Triple | None, direct: bool) -> None:
    volume = nothing((200, 2000, 330))
    assert a_plan(volume, Box.parse(roi), tile=tile).direct == direct


def planned(toy: Any, registry: Registry, volume: Volume, output: Path, **chosen: Any) -> Plan:
    with find_model(None, organelle=toy.organelle, registry=registry) as model:
        return make_plan(
            volume,
            output,
            organelle=toy.organelle,
            model=model,
            registry=registry,
            settings=Settings(max_memory=10**10, **chosen),
            mask=None,
            overwrite=False,
        )


def test_a_part_of_sections_needs_a_copy_of_its_sections_only(
    toy: Any, registry: Registry, as_volume: Callable[..., Volume], tmp_path: Path
) -> None:
    raw = np.random.default_rng(0).integers(0, 256, (400, 200, 200), np.uint8)
    sections = attrs.evolve(as_volume(raw), chunks=(1, 200, 200))
    roi = Box((300, 80, 80), (308, 88, 88))
    disk = [
        planned(toy, registry, volume, tmp_path / "o.zarr", roi=roi, tile=112, runtime="onnxruntime").preflight.disk
        for volume in (as_volume(raw), sections)
    ]
    assert 0 < disk[1] - disk[0] < staged_bytes(sections) / 2


@pytest.mark.parametrize("complete", [False, True])
def test_what_is_there_or_begun_needs_no_room_of_its_own(
    complete: bool,
    toy: Any,
    registry: Registry,
    as_volume: Callable[..., Volume],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    volume = as_volume(np.random.default_rng(0).integers(0, 256, (30, 30, 30), np.uint8))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match="the disk has 1 kB left"):
        planned(toy, registry, volume, tmp_path / "o.zarr", runtime="onnxruntime")
    earlier = SimpleNamespace(complete=complete, head=SimpleNamespace(verb="asem segment", settings={}))
    monkeypatch.setattr("asem_core.predict.plan.earlier_run", lambda _: earlier)
    plan = planned(toy, registry, volume, tmp_path / "o.zarr", runtime="onnxruntime")
    assert (plan.resumed, plan.finished) == (not complete, complete)


def test_a_small_part_has_small_tiles(
    toy: Any, registry: Registry, as_volume: Callable[..., Volume], tmp_path: Path
) -> None:
    raw = np.broadcast_to(np.random.default_rng(0).integers(0, 256, 1200, np.uint8), (1200, 1200, 1200))
    roi = Box((440, 440, 440), (760, 760, 760))
    small, large = (
        math.prod(planned(toy, registry, as_volume(raw[:depth]), tmp_path / "o.zarr", roi=roi).lattice.side)
        for depth in (1200, 800)
    )
    assert small <= MOST_VOXELS / 5 < large


class Counting:
    """A runtime as a plugin brings it: onnxruntime under another name, with costs of its own."""

    opened: list[tuple[str, int]]

    @hookimpl
    def asem_register_runtimes(self) -> list[RuntimeSpec]:
        return [RuntimeSpec(name="counting", summary="", probe=f"{__name__}:probe", open=f"{__name__}:open_counting")]


STATED = {"bytes_per_value": 40.0, "speed": 6.0}


def probe() -> Capabilities:
    return Capabilities(precisions=(Precision(name="f12", **STATED), Precision(name="f32", **STATED)), rank=1000)


def open_counting(model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> Session:
    assert precision in ("f12", "f32")
    return onnx_runtime.open_session(model, shape=shape, precision="f32", threads=threads)


def test_a_runtime_of_a_plugin_is_taken_and_counted_with(
    toy: Any, registry: Registry, as_volume: Callable[..., Volume], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = SimpleNamespace(name="toy", load=Counting, dist=SimpleNamespace(name="asem-toy", version="1"))
    monkeypatch.setattr("asem_core.blocks.preflight.machine_flops", lambda: 1e9)
    volume = as_volume(np.random.default_rng(0).integers(0, 256, (20, 20, 20), np.uint8))
    mine = planned(toy, Registry(make_manager([point])), volume, tmp_path / "a.zarr")
    ours = planned(toy, registry, volume, tmp_path / "a.zarr", runtime="onnxruntime")
    assert (mine.chosen.runtime, mine.chosen.precision) == ("counting", "f12")
    assert mine.preflight.seconds == pytest.approx(ours.preflight.seconds / 10)
    live = graph_cost(toy.onnx, (1, 1, 128, 128, 128)).live
    assert mine.preflight.memory - ours.preflight.memory == int(40.0 * live) - int(5.2 * live)
    assert plan_session(mine, Registry(make_manager([point]))).run(np.zeros((1, 1, 128, 128, 128), np.float32)).size


def test_only_what_a_part_reads_is_checked(
    toy: Any, registry: Registry, as_volume: Callable[..., Volume], tmp_path: Path
) -> None:
    raw = np.random.default_rng(0).random((260, 20, 20), np.float32)
    raw[3, 4, 5] = np.nan
    part = {"roi": Box((200, 0, 0), (208, 8, 8)), "tile": 112, "runtime": "onnxruntime"}
    planned(toy, registry, as_volume(raw), tmp_path / "o.zarr", **part)
    raw[250, 4, 5] = np.nan
    with pytest.raises(VolumeError, match=r"voxel 250,4,5 \(z,y,x\) is nan"):
        planned(toy, registry, as_volume(raw), tmp_path / "o.zarr", **part)
