"""Objects that `asem segment --instances` numbers, against what `asem instances` makes of its output."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import zarr
from click.testing import CliRunner

from asem_core import Separation, instances, segment
from asem_core.blocks.verify import status, verify
from asem_core.cli.main import command_line
from asem_core.errors import AsemError, OutputError
from asem_core.specs import OrganelleSpec, StageRef

from ..box_model import write_box_model

BALL = OrganelleSpec(
    name="ball",
    title="Balls",
    exclusion_zone=StageRef(name="shell", params={"dilate": 1, "erode": 1}),
    threshold=0.4,
    separation=Separation(persistence=0.1, persistence_nm=5.0),
)


@pytest.fixture
def balls() -> Any:
    """Two pairs that touch, in voxels that are no cubes."""
    grid = np.indices((30, 40, 120)).T
    centres = [(14, 15, 20), (14, 16, 40), (15, 20, 80), (16, 24, 99)]
    return np.where(sum((((grid - c) ** 2).sum(-1).T <= 121) for c in centres) > 0, 220, 20).astype(np.uint8)


@pytest.fixture
def given(tmp_path: Any, registry: Any) -> Any:
    model = write_box_model(tmp_path / "model", sizes=[16, 24, 40])
    return {"organelle": BALL, "model": model, "registry": registry, "runtime": "onnxruntime", "precision": "f32"}


def levels(path: Any, name: str) -> list[Any]:
    group = zarr.open_group(path / "labels" / name, mode="r")
    return [np.asarray(group[key][:]) for key in sorted(group.array_keys())]


@pytest.mark.parametrize("prob_dtype", ["uint8", "float32"])
def test_the_same_as_instances_afterwards(
    balls: Any, given: Any, tmp_path: Any, as_volume: Any, prob_dtype: Any
) -> None:
    volume = as_volume(balls, (8.0, 5.0, 5.0))
    found = segment(volume, tmp_path / "a.zarr", instances=True, prob_dtype=prob_dtype, **given)
    after = instances(tmp_path / "a.zarr", tmp_path / "b.zarr", organelle=BALL, registry=given["registry"])
    assert found.separated == attrs.evolve(after, path=found.path)
    assert after.objects == 4
    for mine, theirs in zip(levels(found.path, "ball_instances"), levels(after.path, "ball_instances"), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert verify(found.path).sound
    assert status(found.path).sweeps["number objects"][0] > 0
    plain = segment(volume, tmp_path / "c.zarr", prob_dtype=prob_dtype, **given)
    assert plain.separated is None
    np.testing.assert_array_equal(levels(plain.path, "ball")[0], levels(found.path, "ball")[0])


def test_it_goes_on_and_is_mended(balls: Any, given: Any, tmp_path: Any, as_volume: Any) -> None:
    volume, out = as_volume(balls, (5.0, 5.0, 5.0)), tmp_path / "a.zarr"

    class StopError(Exception):
        pass

    def stop_at_numbers(sweep: str, done: int, total: int) -> None:
        if sweep == "number objects":
            raise StopError

    with pytest.raises(StopError):
        segment(volume, out, instances=True, progress=stop_at_numbers, **given)
    assert not status(out).complete
    sweeps: set[str] = set()
    found = segment(volume, out, instances=True, progress=lambda sweep, *_: sweeps.add(sweep), **given)
    assert "number objects" in sweeps
    assert "predict" not in sweeps
    (out / "labels/ball_instances/0/0/0/0").unlink()
    assert verify(out).missing
    assert segment(volume, out, instances=True, **given).separated == found.separated
    assert verify(out).sound
    with pytest.raises(OutputError, match="separation"):
        segment(volume, out, **given)


def test_an_organelle_that_is_one_network_is_refused(balls: Any, given: Any, tmp_path: Any, as_volume: Any) -> None:
    network = attrs.evolve(BALL, instances=False)
    with pytest.raises(AsemError, match="is one network"):
        segment(as_volume(balls), tmp_path / "a.zarr", instances=True, **{**given, "organelle": network})
    assert not (tmp_path / "a.zarr").exists()


def test_on_the_command_line(balls: Any, given: Any, tmp_path: Any) -> None:
    group, registry = command_line()
    zarr.save_array(tmp_path / "raw.zarr", balls, zarr_format=2)
    organelle = tmp_path / "ball.yaml"
    words = ["organelles", "new", "ball", "--like", "mito", "-o", str(organelle)]
    assert CliRunner().invoke(group, words, obj=registry).exit_code == 0
    words = f"segment {tmp_path}/raw.zarr --voxel-size 5 --organelle {organelle} --model {given['model']} --instances "
    done = CliRunner().invoke(group, f"{words} --runtime onnxruntime -o {tmp_path}/a.zarr".split(), obj=registry)
    assert done.exit_code == 0, done.exception
    assert f"{tmp_path}/a.zarr/labels/ball_instances: " in done.stdout
