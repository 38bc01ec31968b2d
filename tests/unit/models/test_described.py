"""Which models from elsewhere run, and what is said of those that do not."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from asem_core import VoxelSize, segment
from asem_core.blocks.journal import journal_path
from asem_core.errors import AsemError, GeometryError, ModelError, ResumeError
from asem_core.geometry import Box
from asem_core.models.described import as_probability, open_described
from asem_core.models.description import describe
from asem_core.models.find import find_model, is_own
from asem_core.models.tiling import Sizes, Tiling
from asem_core.predict.plan import Settings, make_plan
from asem_core.specs import OrganelleSpec, StageRef

from ...box_model import named, read_rdf, write_box_model, write_rdf

GREY = np.random.default_rng(0).integers(0, 255, (30, 30, 30), np.uint8)
BOX = OrganelleSpec(name="box", title="Box", exclusion_zone=StageRef(name="shell", params={"dilate": 1, "erode": 1}))


def axes(values: dict[str, Any], tensor: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = values[tensor][0]["axes"]
    return found


def flat(values: dict[str, Any]) -> None:
    for tensor in ("inputs", "outputs"):
        values[tensor][0]["axes"] = [a for a in axes(values, tensor) if a.get("id") != "z"]


def second_input(values: dict[str, Any]) -> None:
    values["inputs"].append({**values["inputs"][0], "id": "second"})


def other_weights(values: dict[str, Any]) -> None:
    values["weights"] = {"torchscript": {"source": "net.onnx", "pytorch_version": "2.4"}}


def colour(values: dict[str, Any]) -> None:
    axes(values, "inputs")[1]["channel_names"] = ["r", "g", "b"]


def in_time(values: dict[str, Any]) -> None:
    axes(values, "inputs")[1] = {"type": "time", "size": 3}


def coarser(values: dict[str, Any]) -> None:
    axes(values, "inputs")[2]["scale"] = 0.5


def odd(values: dict[str, Any]) -> None:
    axes(values, "outputs")[2]["size"]["offset"] = -3


def invalid(values: dict[str, Any]) -> None:
    axes(values, "inputs")[2]["size"] = {"min": -3, "step": 0}


def of_a_day(values: dict[str, Any]) -> None:
    values["version"] = datetime.date(2026, 1, 15)


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "2D": (flat, r"it is a 2D model \(axes batch, channel, y, x\), ASEM runs 3D models"),
    "two inputs": (second_input, "it has 2 inputs and 1 outputs"),
    "other weights": (other_weights, "its weights are torchscript; ASEM runs ONNX"),
    "colour": (colour, "its input has 3 channels, a volume has one"),
    "time": (in_time, "its axes are batch, time, z, y, x"),
    "coarser output": (coarser, "its output axis z is on another grid"),
    "odd offset": (odd, "3 voxels smaller than its input, expected an even number"),
    "a date": (of_a_day, "does not accept it: version: must be text, got 2026-01-15: put it in quotes"),
    "not bioimage.io's": (invalid, "bioimage.io does not accept it: inputs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_do_not_run(name: str, tmp_path: Path) -> None:
    change, reason = REFUSED[name]
    folder = write_box_model(tmp_path / "box")
    values = read_rdf(folder)
    change(values)
    write_rdf(folder, values)
    with pytest.raises(ModelError, match=reason) as refused:
        describe(folder)
    assert "\n" not in str(refused.value)


STEPS = {
    "stardist": ({"postprocessing": [{"id": "stardist_postprocessing", "kwargs": {
        "prob_threshold": 0.5, "nms_threshold": 0.4, "grid": [1, 1, 1], "n_rays": 3, "anisotropy": [1, 1, 1],
        "b": 2}}]}, "does not accept|cannot run tile by tile"),
    "of the output": ({"postprocessing": [{"id": "zero_mean_unit_variance"}]}, "of the model's whole output"),
    "of each section": ({"preprocessing": [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}}]},
                        "over y, x only, ASEM takes it over the whole volume"),
    "along z": ({"postprocessing": [{"id": "softmax", "kwargs": {"axis": "z"}}]},
                "along the axis z, expected the channels"),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_processing_that_does_not_run(name: str, tmp_path: Path) -> None:
    described, reason = STEPS[name]
    folder = write_box_model(tmp_path / "box", **described)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=reason):
        open_described(folder)


def test_several_channels(tmp_path: Path) -> None:
    model = write_box_model(tmp_path / "box", gains=(1.0, 2.0))
    with pytest.raises(ModelError, match=r"the output channels 0 \(box0\), 1 \(box1\): choose one with --channel"):
        open_described(model)
    with pytest.raises(ModelError, match="got '2'"):
        open_described(model, channel="2")
    assert [open_described(model, channel=name).channel for name in ("0", "box1")] == [0, 1]


def test_what_the_description_says_and_the_graph_does_not(tmp_path: Path) -> None:
    folder = write_box_model(tmp_path / "box", sizes=[16, 24, 24])
    values = read_rdf(folder)
    axes(values, "inputs")[2]["size"] = {"min": 16, "step": 8}
    write_rdf(folder, values)
    with pytest.raises(ModelError, match="takes exactly 16 on z"):
        describe(folder)
    model = open_described(write_box_model(tmp_path / "other"))
    lattice = model.tiling.lattice(model.tiling.candidates(Box.of_shape((64, 64, 64)))[0])
    model.check_tile(lattice)
    with pytest.raises(ModelError, match=r"the graph makes .* the description says"):
        attrs.evolve(model, description=attrs.evolve(model.description, lost=(1, 1, 1))).check_tile(lattice)


@pytest.mark.parametrize(
    ("unit", "scale", "size"),
    [("nanometer", 8.0, VoxelSize((8, 8, 8))), ("micrometer", 0.02, VoxelSize((20, 20, 20))), (None, 5.0, None)],
)
def test_its_voxel_size(unit: str | None, scale: float, size: VoxelSize | None, tmp_path: Path) -> None:
    folder = write_box_model(tmp_path / "box")
    values = read_rdf(folder)
    for tensor in ("inputs", "outputs"):
        for axis in axes(values, tensor)[2:]:
            axis |= {"scale": scale, **({"unit": unit} if unit else {})}
    write_rdf(folder, values)
    found = describe(folder).voxel_size
    assert found == size or (found is not None and size is not None and found.matches(size, tolerance=1e-9))


def test_values_that_are_no_probabilities(tmp_path: Path) -> None:
    folder = write_box_model(tmp_path / "box")
    open_described(folder).check_probability()
    np.save(folder / "out.npy", np.full((1, 1, 24, 24, 24), 7.0, np.float32))
    values = read_rdf(folder)
    values["outputs"][0]["test_tensor"] = named(folder, "out.npy")
    write_rdf(folder, values)
    with pytest.raises(ModelError, match=r"values from 7 to 7, not probabilities in 0\.\.1: .* --prob-dtype float32"):
        open_described(folder).check_probability()
    rounded = as_probability(np.float32([[[-1e-7, 0.5, 1 + 1e-6]]]), folder)
    assert rounded.tolist() == [[[0, 0.5, 1]]]
    with pytest.raises(ModelError, match="not probabilities"):
        as_probability(np.float32([[[np.nan]]]), folder)


def test_tiles_that_a_model_takes() -> None:
    tiling = Tiling(onnx=Path(), sizes=(Sizes(16), Sizes(20, 8), Sizes(17, 5)), halo=(2, 4, 3))
    sides = tiling.candidates(Box.of_shape((50, 100, 300)))
    assert sides[0] == (16, 116, 307)  # keeps 12, 104, 300
    for side in sides:
        lattice = tiling.lattice(side)
        assert lattice.side == side
        assert side[0] == 16
        assert [keep % step for keep, step in zip(lattice.keep[1:], (8, 5), strict=True)] == [0, 0]
    assert tiling.lattice((16, 20, 17)).keep == (12, 8, 10)
    assert tiling.asked(52) == (16, 52, 52)
    fixed = Tiling(onnx=Path(), sizes=(Sizes(16), Sizes(64), Sizes(64)), halo=(0, 0, 0))
    with pytest.raises(GeometryError, match="for this model 16 along z; got 500"):
        fixed.lattice(fixed.asked(500))
    wide = Tiling(onnx=Path(), sizes=(Sizes(1200), Sizes(1200), Sizes(17, 5)), halo=(2, 4, 3))
    assert wide.candidates(Box.of_shape((50, 100, 300))) == [(1200, 1200, 37)], (
        "the smallest, where all are beyond what is tried"
    )
    with pytest.raises(GeometryError, match=r"for this model 20, 28, 36 \.\.\. along y; got 21"):
        tiling.lattice((16, 21, 17))
    with pytest.raises(GeometryError, match=r"for this model 16 along z; got 5"):
        tiling.lattice((5, 20, 17))


def planned(
    folder: Path, output: Path, registry: Any, as_volume: Any, *, max_memory: int = 10**10, **settings: Any
) -> Any:
    volume = as_volume(np.random.default_rng(0).integers(0, 255, (30, 30, 30), np.uint8))
    channel = settings.pop("channel", None)
    with find_model(folder, organelle=BOX, registry=registry, channel=channel) as model:
        return make_plan(
            volume, output, organelle=BOX, model=model, registry=registry, mask=None, overwrite=False,
            settings=Settings(max_memory=max_memory, runtime="onnxruntime", **settings),
        )  # fmt: skip


@pytest.mark.slow
def test_resuming_asks_for_the_same_channel_and_halo(tmp_path: Path, registry: Any, as_volume: Any) -> None:
    folder = write_box_model(tmp_path / "box", gains=(0.001, 0.002))
    output = tmp_path / "out.zarr"

    def run(channel: str) -> None:
        segment(
            as_volume(GREY), output, organelle=BOX, registry=registry, model=folder,
            channel=channel, runtime="onnxruntime",
        )  # fmt: skip

    run("0")
    journal = journal_path(output)
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))  # as if killed before its end
    with pytest.raises(ResumeError, match="channel was box0, now box1"):
        run("1")
    described = read_rdf(folder)
    values = read_rdf(folder)
    axes(values, "outputs")[2]["halo"] = 3
    write_rdf(folder, values)
    with pytest.raises(ResumeError, match="halo"):
        run("0")
    write_rdf(folder, described)
    run("box0")


def test_memory_is_said_before_anything_is_written(tmp_path: Path, registry: Any, as_volume: Any) -> None:
    folder = write_box_model(tmp_path / "box", sizes=[200, 200, 200])
    with pytest.raises(AsemError, match=re.compile(r"a tile of 200 x 200 x 200 voxels needs about \d+")):
        planned(folder, tmp_path / "out.zarr", registry, as_volume, max_memory=10**8)
    assert not (tmp_path / "out.zarr").exists()


def test_a_model_of_ours_as_a_folder_runs_as_ever(tmp_path: Path, registry: Any) -> None:
    mito = pytest.importorskip("asem_organelle_mito")
    folder = Path(mito.__file__).parent / "models" / "mito_10nm"
    assert is_own(folder)
    organelle = attrs.evolve(BOX, name="mito")
    with find_model(folder, organelle=organelle, registry=registry) as model:
        assert model.onnx == folder / "weights.onnx"
    with (
        pytest.raises(ModelError, match="finds mito, not er: leave --organelle out"),
        find_model(folder, organelle=attrs.evolve(BOX, name="er"), registry=registry),
    ):
        pass
    with (
        pytest.raises(ModelError, match="has one output channel: leave --channel out"),
        find_model(folder, organelle=organelle, registry=registry, channel="0"),
    ):
        pass
    assert not is_own(write_box_model(tmp_path / "box"))


def test_kept_voxels_lie_where_they_are_said_to() -> None:
    model = Tiling(onnx=Path(), sizes=(Sizes(24, 8),) * 3, halo=(1, 2, 2))
    lattice = model.lattice((40, 40, 40))
    assert lattice.keep == (32, 32, 32)
    assert lattice.read(Box((32, 0, 0), (64, 32, 32))) == Box((31, -2, -2), (71, 38, 38))
