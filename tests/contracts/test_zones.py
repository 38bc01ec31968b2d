"""An exclusion zone of a plugin, with parameters of its own, from the command line to the scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from click.testing import CliRunner

from asem_core import VoxelSize
from asem_core.cli.evaluate import evaluate as evaluate_verb
from asem_core.cli.labels import labels as labels_verb
from asem_core.cli.organelles import organelles as organelles_verb
from asem_core.errors import AsemError, PluginError
from asem_core.evaluation import evaluate
from asem_core.labels.prepare import prepare_labels
from asem_core.registry import Registry
from asem_core.specs import ExclusionZoneSpec, StageRef
from asem_core.volume.volume import Volume

from .toys import organelle, plugin, registry_of
from .zones import Slab, slab

HERE = f"{__name__.rpartition('.')[0]}.zones"
SHAPE = (9, 10, 31)
OURS = StageRef(name="slab", params={"reach": 3, "both_ways": False})


def zone(name: str, fn: str = "everything", **values: Any) -> ExclusionZoneSpec:
    return ExclusionZoneSpec(
        **{"name": name, "version": "7", "summary": "", "fn": f"{HERE}:{fn}", "params": f"{HERE}:Nothing", **values}
    )


@pytest.fixture(scope="module")
def registry() -> Registry:
    """Core, a plugin with the zone ``slab``, and one whose organelle uses it."""
    spec = zone("slab", "slab", params=f"{HERE}:Slab", halo=f"{HERE}:slab_halo")
    thick = StageRef(name="shell", params={"dilate": 2, "erode": 2})
    toy = organelle("toy", exclusion_zone=OURS, zone_presets={"thick": thick})
    return registry_of(
        zones=plugin(asem_register_exclusion_zones=lambda: [spec, zone("all")]),
        toy=plugin(asem_register_organelles=lambda: [toy]),
    )


def truth(seed: int = 0) -> npt.NDArray[np.uint8]:
    labels = np.zeros(SHAPE, np.uint8)
    rng = np.random.default_rng(seed)
    for number in range(1, 5):
        start = [int(rng.integers(0, n - 2)) for n in SHAPE]
        labels[tuple(slice(a, a + int(rng.integers(1, 6))) for a in start)] = number
    return labels


def volume(array: npt.NDArray[Any], size: tuple[float, float, float] = (5, 5, 2.5)) -> Volume:
    return Volume(array=array, voxel_size=VoxelSize(size), uri="memory", format="memory", chunks=(8, 8, 8))


@pytest.mark.parametrize("block", [(128, 128, 128), (4, 5, 6), (2, 3, 1)])
def test_scores_and_mask_are_those_of_the_whole_volume(registry: Registry, tmp_path: Path, block: Any) -> None:
    labels, predicted = truth(), truth(1)
    expected = slab(labels != 0, voxel_size=VoxelSize((5, 5, 2.5)), params=Slab(reach=3, both_ways=False))
    toy = registry.organelles["toy"]
    found = evaluate(volume(predicted), volume(labels), organelle=toy, registry=registry, block=block)
    assert found.excluded_voxels == expected.sum() > 0
    assert found.scores.with_zone.tp == ((predicted != 0) & (labels != 0) & ~expected).sum()
    made = tmp_path / "out.zarr"
    report = prepare_labels(volume(labels), made, organelle=toy, registry=registry, block=block).to_json()
    mask = zarr.open_group(made, mode="r")["labels/metric_mask/0"][:]
    np.testing.assert_array_equal(mask == 0, expected)
    described = {
        "name": "slab", "version": "7", "params": {"reach": 3, "both_ways": False, "unseen": 0.5},
        "on_grid": {"reach": {"voxels": (3, 3, 6), "nm": (15, 15, 15)}},
    }  # fmt: skip
    assert found.to_json()["zone"] == described
    assert report["zone"] == {**described, "excluded_voxels": expected.sum()}
    stored = zarr.open_group(made, mode="r").attrs["asem"]["zone"]
    assert stored == json.loads(json.dumps(described))


@pytest.fixture
def cells(tmp_path: Path) -> tuple[Path, Path]:
    """Prediction and truth as OME-Zarr-like arrays that state their voxel size."""
    for name, values in (("predicted", truth(1)), ("truth", truth())):
        array = zarr.create_array(tmp_path / f"{name}.zarr", data=values, chunks=(8, 8, 8), zarr_format=2)
        array.attrs.update(resolution=[5, 5, 2.5], offset=[0, 0, 0])
    return tmp_path / "predicted.zarr", tmp_path / "truth.zarr"


def run(verb: Any, registry: Registry, *words: Any) -> Any:
    return CliRunner().invoke(verb, [str(word) for word in words], obj=registry)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "zone slab (reach (3, 3, 6) voxels = (15, 15, 15) nm; both_ways off; unseen 0.5)"),
        (["--zone", "paper"], "zone slab (reach (3, 3, 6) voxels = (15, 15, 15) nm; both_ways off; unseen 0.5)"),
        (["--zone", "slab"], "zone slab (reach (2, 2, 4) voxels = (10, 10, 10) nm; both_ways on; unseen 0.5)"),
        (["--zone", "slab:reach=1,both_ways=false"], "zone slab (reach (1, 1, 2) voxels = (5, 5, 5) nm; both_ways off"),
        (["--zone", "thick"], "zone shell (dilate (2, 2, 4) voxels = (10, 10, 10) nm; erode (2, 2, 4) voxels"),
        (["--zone", "1,0"], "zone shell (dilate (1, 1, 2) voxels = (5, 5, 5) nm; erode (0, 0, 0) voxels"),
    ],
)
def test_on_the_command_line(registry: Registry, cells: Any, tmp_path: Path, given: list[str], says: str) -> None:
    scored = run(evaluate_verb, registry, *cells, "--organelle", "toy", *given)
    assert scored.exit_code == 0, scored.output
    assert says in scored.stdout
    out = tmp_path / "out.zarr"
    prepared = run(labels_verb, registry, "prepare", cells[1], "--organelle", "toy", "-o", out, *given)
    assert prepared.exit_code == 0, prepared.output
    assert says in prepared.stdout
    by_zone, by_mask = (
        json.loads(run(evaluate_verb, registry, cells[0], out, "--organelle", "toy", "--json", *more).stdout)
        for more in (given, ["--mask", out / "labels" / "metric_mask", "--zone", "0,0"])
    )
    assert by_zone["with_zone"] == by_mask["without_zone"]


def test_a_zone_that_leaves_nothing(registry: Registry, cells: Any) -> None:
    scored = run(evaluate_verb, registry, *cells, "--organelle", "toy", "--zone", "all")
    assert "zone all\nexcluded by the zone: 2,790 of 2,790 voxels (100.0%)" in scored.stdout


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("slab:width=3", PluginError, "slab has no parameter width; parameters of slab: reach=2, both_ways=True"),
        ("slab:reach=-3", PluginError, "slab cannot take reach=-3"),
        ("slab:reach", PluginError, "a stage is NAME or NAME:PARAMETER=VALUE"),
        (
            "slub",
            AsemError,
            "a preset of toy (paper, thick), or ZONE:PARAMETER=VALUE,... of the zones all, shell, slab",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(registry: Registry, cells: Any, text: str, kind: type, says: str) -> None:
    error = run(evaluate_verb, registry, *cells, "--organelle", "toy", "--zone", text).exception
    assert isinstance(error, kind)
    assert says in str(error)
    assert "\n" not in str(error)


def test_the_organelle_is_listed_with_its_zone(registry: Registry) -> None:
    assert "exclusion zone  slab (reach 3; both_ways off)" in run(organelles_verb, registry).stdout
    (toy,) = json.loads(run(organelles_verb, registry, "--json").stdout)
    assert toy["exclusion_zone"] == {"name": "slab", "params": {"reach": 3, "both_ways": False}}


WRONG = {
    "another type": (zone("bad", "of_another_type"), r"the exclusion zone bad must give bool \(9, 10, 31\), got uint8"),
    "another shape": (zone("bad", "of_another_shape"), r"must give bool \(9, 10, 31\), got bool \(8, 10, 31\)"),
    "no array": (zone("bad", "no_array"), r"must give bool \(9, 10, 31\), got list"),
    "a negative halo": (
        zone("bad", halo=f"{HERE}:negative"),
        r"halo of the zone bad must be .* got \(0, -1, 0\)",
    ),
    "a broken halo": (zone("bad", halo=f"{HERE}:broken_number"), r"halo of the zone bad must be whole .*0\.5"),
    "no function": (zone("bad", "missing"), "cannot load .*missing"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_zone_that_breaks_its_side_is_named(tmp_path: Path, fault: str) -> None:
    spec, says = WRONG[fault]
    registry = registry_of(bad=plugin(asem_register_exclusion_zones=lambda: [spec]))
    toy = organelle("toy", exclusion_zone=StageRef(name="bad"))
    with pytest.raises(PluginError, match=says):
        evaluate(volume(truth(1)), volume(truth()), organelle=toy, registry=registry)
    with pytest.raises(PluginError, match=says):
        prepare_labels(volume(truth()), tmp_path / "out.zarr", organelle=toy, registry=registry)
    assert not (tmp_path / "out.zarr").exists()


def test_a_zone_cannot_write_into_the_labels() -> None:
    spec = zone("bad", "writes")
    registry = registry_of(bad=plugin(asem_register_exclusion_zones=lambda: [spec]))
    toy = organelle("toy", exclusion_zone=StageRef(name="bad"))
    with pytest.raises(ValueError, match="read-only"):
        evaluate(volume(truth(1)), volume(truth()), organelle=toy, registry=registry)
