"""Several organelles in one pass: what each would be by itself, from one reading of the volume."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from asem_core import Box, Registry, Volume, Wanted, segment, segment_together
from asem_core.blocks.journal import load
from asem_core.blocks.verify import verify
from asem_core.cli.segment import segment as command
from asem_core.errors import OutputError, ResumeError
from asem_core.specs import OrganelleSpec, StageRef

from ..jobs import contents

OPTIONS: dict[str, Any] = {"tile": 112, "runtime": "onnxruntime", "workers": 1}


@attrs.frozen
class Counted:
    """An array that notes how many voxels are read."""

    array: npt.NDArray[np.uint8]
    read: list[int] = attrs.field(factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def __getitem__(self, key: Any) -> Any:
        found = self.array[key]
        self.read.append(found.size)
        return found


@pytest.fixture
def pair(toy: Any) -> tuple[OrganelleSpec, OrganelleSpec]:
    """Two organelles whose models differ in what is done within a tile, and which threshold is taken."""
    model = attrs.evolve(
        toy.organelle.models[0],
        id="dark-10nm",
        preprocess=(StageRef(name="scale_linear", params={"gain": -2 / 255, "offset": 1}),),
    )
    other = attrs.evolve(toy.organelle, name="dark", threshold=0.4, models=(model,), default_model=model.id)
    return toy.organelle, other


@pytest.fixture
def cell(tissue: npt.NDArray[np.uint8], as_volume: Callable[..., Volume]) -> Callable[[float], tuple[Volume, Counted]]:
    """A volume of four tiles and more, and what is read of it."""

    def make(voxel_nm: float) -> tuple[Volume, Counted]:
        volume = as_volume(tissue[:16, :16, :20], (voxel_nm,) * 3)
        counted = Counted(volume.array)
        return attrs.evolve(volume, array=counted), counted

    return make


def both(volume: Volume, folder: Path, pair: Any, registry: Registry, **more: Any) -> list[Path]:
    wanted = [Wanted(organelle=spec, output=folder / f"{spec.name}.zarr") for spec in pair]
    made = segment_together(volume, wanted, registry=registry, **(OPTIONS | more))
    assert [each.organelle for each in made] == [spec.name for spec in pair]
    return [each.path for each in made]


@pytest.mark.parametrize("voxel_nm", [10.0, 5.0, 8.0], ids=["as is", "two-fold", "two stages"])
def test_each_is_what_it_would_be_alone(
    voxel_nm: float, cell: Any, pair: Any, registry: Registry, tmp_path: Path, as_volume: Callable[..., Volume]
) -> None:
    volume, counted = cell(voxel_nm)
    inside = np.ones(volume.shape, np.uint8)
    inside[:, 9:, :] = 0
    mask = as_volume(inside, (voxel_nm,) * 3)
    # What is looked at before, to judge the grey values, is looked at for each.
    options = {"registry": registry, "mask": mask, "planned": lambda _: counted.read.clear(), **OPTIONS}
    alone, read = [], []
    for spec in pair:
        alone.append(contents(segment(volume, tmp_path / f"{spec.name}.zarr", organelle=spec, **options).path))
        read.append(sum(counted.read))
    found = both(volume, tmp_path / "together", pair, **options)
    assert [contents(out) for out in found] == alone
    assert alone[0] != alone[1]
    assert [sum(counted.read)] * 2 == read
    assert all(verify(out).sound for out in found)
    assert sorted(path.name for path in (tmp_path / "together").iterdir()) == sorted(
        name for out in found for name in (out.name, f"{out.name}.journal.jsonl")
    )


class StopError(Exception):
    """Ends a run in the middle."""


def stop_at(tiles: int) -> Callable[[str, int, int], None]:
    def progress(sweep: str, done: int, total: int) -> None:
        if sweep == "predict" and done >= tiles:
            raise StopError

    return progress


def test_what_was_begun_together_goes_on_where_no_room_is_left(
    cell: Any, pair: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, _ = cell(10.0)
    with pytest.raises(StopError):
        both(volume, tmp_path, pair, registry, progress=stop_at(3))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    assert all(verify(out).sound for out in both(volume, tmp_path, pair, registry))
    assert all(verify(out).sound for out in both(volume, tmp_path, pair, registry))


def test_begun_together_finished_alone_and_together_again(
    cell: Any, pair: Any, registry: Registry, tmp_path: Path
) -> None:
    volume, _ = cell(10.0)
    whole = [contents(out) for out in both(volume, tmp_path / "whole", pair, registry)]
    with pytest.raises(StopError):
        both(volume, tmp_path, pair, registry, progress=stop_at(3))
    first, second = (tmp_path / f"{spec.name}.zarr" for spec in pair)
    begun = [load(out).done("predict") for out in (first, second)]  # type: ignore[union-attr]
    assert len(begun[0]) == len(begun[1]) == 3
    with pytest.raises(StopError):
        segment(volume, second, organelle=pair[1], registry=registry, progress=stop_at(5), **OPTIONS)
    swept: list[int] = []

    def progress(sweep: str, done: int, total: int) -> None:
        if sweep == "predict":
            swept.append(done)

    both(volume, tmp_path, pair, registry, progress=progress)
    assert [contents(first), contents(second)] == whole
    # What neither had, then what only the second had.
    total = len(load(first).done("predict"))  # type: ignore[union-attr]
    assert swept == [*range(5, total + 1), *range(total - 2, total + 1)]


def test_one_that_is_whole_is_left_as_it_is(cell: Any, pair: Any, registry: Registry, tmp_path: Path) -> None:
    volume, counted = cell(10.0)
    for order in (pair, pair[::-1]):
        folder = tmp_path / order[0].name
        segment(volume, folder / f"{order[0].name}.zarr", organelle=order[0], registry=registry, **OPTIONS)
        before = (folder / f"{order[0].name}.zarr.journal.jsonl").read_bytes()
        for outs in (both(volume, folder, pair, registry), both(volume, folder, pair, registry)):
            assert all(verify(out).sound for out in outs)
        assert (folder / f"{order[0].name}.zarr.journal.jsonl").read_bytes() == before
    counted.read.clear()


def test_what_does_not_fit_together_is_done_one_by_one(
    cell: Any, pair: Any, registry: Registry, tmp_path: Path
) -> None:
    volume, _ = cell(10.0)
    sweeps: list[int] = []

    def count(sweep: str, done: int, total: int) -> None:
        if sweep == "predict" and done == 0:
            sweeps.append(total)

    need = []
    segment(volume, tmp_path / "a.zarr", organelle=pair[0], registry=registry,
            planned=lambda plan: need.append(plan.preflight.memory), **OPTIONS)  # fmt: skip
    both(volume, tmp_path / "one by one", pair, registry, max_memory=int(1.5 * need[0]), progress=count)
    assert len(sweeps) == 2
    both(volume, tmp_path / "together", pair, registry, max_memory=int(2.5 * need[0]), progress=count)
    assert len(sweeps) == 3


def test_models_of_other_grids_are_done_one_by_one(cell: Any, pair: Any, registry: Registry, tmp_path: Path) -> None:
    volume, _ = cell(10.0)
    model = attrs.evolve(pair[1].models[0], voxel_size_nm=(20.0, 20.0, 20.0))
    coarse = attrs.evolve(pair[1], models=(model,))
    alone = segment(volume, tmp_path / "alone" / "dark.zarr", organelle=coarse, registry=registry, **OPTIONS)
    _, out = both(volume, tmp_path, (pair[0], coarse), registry)
    assert contents(out) == contents(alone.path)


def test_a_setting_that_changed_is_told_before_anything_is_made(
    cell: Any, pair: Any, registry: Registry, tmp_path: Path
) -> None:
    volume, _ = cell(10.0)
    _, second = (tmp_path / f"{spec.name}.zarr" for spec in pair)
    segment(volume, second, organelle=pair[1], registry=registry, roi=Box((0, 0, 0), (8, 8, 8)), **OPTIONS)
    with pytest.raises(ResumeError, match="roi was"):
        both(volume, tmp_path, pair, registry)
    assert not (tmp_path / "toy.zarr").exists()


@pytest.mark.parametrize("names", [("a.zarr", "a.zarr"), ("a.zarr", "a.zarr/b.zarr"), ("a.zarr/b.zarr", "a.zarr")])
def test_outputs_lie_apart(names: tuple[str, str], cell: Any, pair: Any, registry: Registry, tmp_path: Path) -> None:
    wanted = [Wanted(organelle=spec, output=tmp_path / name) for spec, name in zip(pair, names, strict=True)]
    with pytest.raises(OutputError, match="two organelles would be written to one place"):
        segment_together(cell(10.0)[0], wanted, registry=registry)


@pytest.mark.parametrize(
    "words",
    [
        "--organelle mito --organelle er -o a.zarr",
        "--organelle mito -o a.zarr -o b.zarr",
        "--organelle mito --organelle er --model mito-10nm -o a.zarr -o b.zarr",
    ],
)
def test_every_organelle_has_an_output(words: str) -> None:
    ended = CliRunner().invoke(command, ["cell.zarr", *words.split()])
    assert ended.exit_code == 2
    assert "every organelle needs an output of its own, in the same order" in ended.output
