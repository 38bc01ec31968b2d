"""What a spec accepts."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import attrs
import pytest

from asem_core.specs import (
    AnalysisSpec,
    DatasetBlock,
    DatasetSpec,
    ExclusionZone,
    LabelRuleSpec,
    ModelSpec,
    OrganelleSpec,
    PreprocessorSpec,
    ReaderSpec,
    RuntimeSpec,
    StageRef,
)

PATH = "package.module:thing"
SPECS: list[tuple[type, dict[str, Any]]] = [
    (StageRef, {"name": "x"}),
    (PreprocessorSpec, {"name": "x", "version": "1", "summary": "", "fn": PATH, "params": PATH}),
    (LabelRuleSpec, {"name": "x", "version": "1", "summary": "", "fn": PATH, "params": PATH}),
    (ReaderSpec, {"name": "x", "summary": "", "accepts": PATH, "open": PATH}),
    (DatasetSpec, {"name": "x", "uri": "u", "voxel_size_nm": (5, 5, 5), "licence": "", "citation": ""}),
    (OrganelleSpec, {"name": "x", "title": "X", "exclusion_zone": ExclusionZone(dilate=4, erode=4)}),
    (AnalysisSpec, {"name": "x", "version": "1", "summary": "", "fn": PATH, "params": PATH}),
    (RuntimeSpec, {"name": "x", "summary": "", "probe": PATH, "open": PATH}),
]
MODEL = {
    "id": "m-10nm", "version": "1", "package": "pkg:models/m", "voxel_size_nm": (10.0, 10.0, 10.0), "sha256": "0",
    "licence": "CC0", "trained_on": "t",
}  # fmt: skip


@pytest.mark.parametrize(("cls", "values"), SPECS, ids=lambda v: v.__name__ if isinstance(v, type) else "")
class TestEverySpec:
    def test_is_frozen(self, cls: type, values: dict[str, Any]) -> None:
        spec = cls(**values)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            spec.name = "y"

    def test_takes_keywords_only(self, cls: type, values: dict[str, Any]) -> None:
        with pytest.raises(TypeError):
            cls(*values.values())

    @pytest.mark.parametrize("name", ["", "two words", "a/b", "a\\b", "a:b"])
    def test_has_a_name_that_fits_a_path_and_a_command_line(self, cls: type, values: dict[str, Any], name: str) -> None:
        with pytest.raises(ValueError, match="name must be a word"):
            cls(**{**values, "name": name})

    @pytest.mark.parametrize("path", ["module.function", ":function", "module:", ""])
    def test_names_code_as_module_and_function(self, cls: type, values: dict[str, Any], path: str) -> None:
        for key in [key for key, value in values.items() if value == PATH]:
            with pytest.raises(ValueError, match=f'{key} must be "package.module:function"'):
                cls(**{**values, key: path})


@pytest.mark.parametrize("size", [(5, 5), (5, 5, 0), (5, -5, 5), (5, 5, float("nan")), (5, 5, 5, 5)])
def test_a_voxel_size_is_three_positive_numbers(size: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"voxel_size_nm must be three positive numbers"):
        ModelSpec(**{**MODEL, "voxel_size_nm": size})


@pytest.mark.parametrize("threshold", [0, 1, -0.5, 1.5])
def test_a_threshold_lies_between_0_and_1(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold must lie between 0 and 1"):
        OrganelleSpec(name="x", title="X", exclusion_zone=ExclusionZone(dilate=1, erode=1), threshold=threshold)


def test_widths_are_not_negative() -> None:
    with pytest.raises(ValueError, match="'dilate' must be >= 0"):
        ExclusionZone(dilate=-1, erode=0)
    with pytest.raises(ValueError, match="'erode' must be >= 0"):
        ExclusionZone(dilate=0, erode=-1)
    with pytest.raises(ValueError, match="'dilate_voxels' must be >= 0"):
        OrganelleSpec(name="x", title="X", exclusion_zone=ExclusionZone(dilate=1, erode=1), dilate_voxels=-1)


def test_the_default_model_is_one_of_the_models() -> None:
    zone = ExclusionZone(dilate=4, erode=4)
    model = ModelSpec(**MODEL)
    organelle = OrganelleSpec(name="x", title="X", exclusion_zone=zone, models=(model,), default_model="m-10nm")
    assert organelle.models == (model,)
    with pytest.raises(ValueError, match=r"one of the organelle's models \['m-10nm'\], got 'm-5nm'"):
        attrs.evolve(organelle, default_model="m-5nm")


def test_a_label_rule_is_of_block_or_of_volume_scope() -> None:
    rule = LabelRuleSpec(name="x", version="1", summary="", fn=PATH, params=PATH, halo=PATH)
    assert rule.scope == "block"
    assert attrs.evolve(rule, halo=None, by_blocks=PATH).scope == "volume"
    with pytest.raises(ValueError, match="one is enough"):
        attrs.evolve(rule, by_blocks=PATH)


def test_specs_import_attrs_and_the_standard_library_only() -> None:
    code = (
        "import sys, asem_core.specs; "
        "print([m for m in ('numpy', 'torch', 'pluggy', 'zarr', 'click', 'scipy', 'yaml') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


DATASET = {"name": "c", "uri": "u", "voxel_size_nm": (5, 5, 5), "licence": "", "citation": ""}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"er": {}}, r"labels\['er'\] needs path"),
        ({"er": {"path": "p", "dilate": 1}}, r"labels\['er'\] needs path, may have dilate_voxels, got .*'dilate'"),
        ({"er": {"path": "p", "dilate_voxels": -1}}, "dilate_voxels of 'er' must be a whole number >= 0, got -1"),
    ],
)
def test_labels_of_a_data_set_say_where_they_are(labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DatasetSpec(**DATASET, labels=labels)


def test_blocks_of_a_data_set_have_names_and_places() -> None:
    block = DatasetBlock(name="er-training-1", organelle="er", role="training", shape=(2, 3, 4), start=(0, 0, 0))
    assert DatasetSpec(**DATASET, blocks=(block,)).blocks == (block,)
    with pytest.raises(ValueError, match="blocks must have distinct names"):
        DatasetSpec(**DATASET, blocks=(block, block))
    with pytest.raises(ValueError, match="'role' must be in"):
        attrs.evolve(block, role="test")
    with pytest.raises(ValueError, match="start must be three whole numbers >= 0"):
        attrs.evolve(block, start=(-1, 0, 0))
    for changes in ({"shape": None}, {"ordered": False}):
        with pytest.raises(ValueError, match="has a start, so it needs a shape in z, y, x order"):
            attrs.evolve(block, **changes)
