"""What a spec accepts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from asem_core.specs import (
    AnalysisSpec,
    DatasetBlock,
    DatasetSpec,
    ExclusionZoneSpec,
    LabelRuleSpec,
    ModelSpec,
    OrganelleSpec,
    Output,
    PreprocessorSpec,
    ReaderSpec,
    RuntimeSpec,
    StageRef,
    packaged_models,
)

PATH = "package.module:thing"
ZONE = StageRef(name="shell", params={"dilate": 4, "erode": 4})
OUTPUTS = (Output(names=("voxels",), dtype="int64", text="size"),)
SPECS: list[tuple[type, dict[str, Any]]] = [
    (StageRef, {"name": "x"}),
    (PreprocessorSpec, {"name": "x", "version": "1", "summary": "", "fn": PATH, "params": PATH}),
    (LabelRuleSpec, {"name": "x", "version": "1", "summary": "", "fn": PATH, "params": PATH}),
    (ReaderSpec, {"name": "x", "summary": "", "accepts": PATH, "open": PATH}),
    (DatasetSpec, {"name": "x", "uri": "u", "voxel_size_nm": (5, 5, 5), "licence": "", "citation": ""}),
    (OrganelleSpec, {"name": "x", "title": "X", "exclusion_zone": ZONE}),
    (ExclusionZoneSpec, {"name": "x", "version": "1", "summary": "", "fn": PATH, "params": PATH}),
    (
        AnalysisSpec,
        {"name": "x", "version": "1", "summary": "", "fn": PATH, "params": PATH, "row": "object", "outputs": OUTPUTS},
    ),
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

    @pytest.mark.parametrize(
        "path",
        ["module.function", ":function", "module:", "", "module:f()", "module: f", "my-module:f", "a:b:c", "a..b:c"],
    )
    def test_names_code_as_module_and_function(self, cls: type, values: dict[str, Any], path: str) -> None:
        for key in [key for key, value in values.items() if value == PATH]:
            with pytest.raises(ValueError, match=f'{key} must be "package.module:function"'):
                cls(**{**values, key: path})


@pytest.mark.parametrize(
    ("cls", "values", "says"),
    [
        (StageRef, {"name": 5}, "StageRef.name must be str, got 5"),
        (StageRef, {"name": "x", "params": [1]}, r"StageRef.params must be .*Mapping\[str, .*Any\], got \[1\]"),
        (StageRef, {"name": "x", "params": {1: 2}}, "StageRef.params must be"),
        (ModelSpec, {**MODEL, "version": 1}, "ModelSpec.version must be str, got 1"),
        (ModelSpec, {**MODEL, "voxel_size_nm": [5, 5, 5]}, r"must be tuple\[float, float, float\], got \[5, 5, 5\]"),
        (ModelSpec, {**MODEL, "voxel_size_nm": (5, 5, "5")}, "voxel_size_nm must be tuple"),
        (ModelSpec, {**MODEL, "scores": {"f1": None}}, "ModelSpec.scores must be"),
        (
            OrganelleSpec,
            {"name": "x", "title": "X", "exclusion_zone": None},
            "exclusion_zone must be StageRef, got None",
        ),
        (OrganelleSpec, {"name": "x", "title": "X", "exclusion_zone": ZONE, "models": [1]}, "models must be tuple"),
        (OrganelleSpec, {"name": "x", "title": "X", "exclusion_zone": ZONE, "instances": 1}, "instances must be bool"),
        (OrganelleSpec, {"name": "x", "title": "X", "exclusion_zone": ZONE, "dilate_voxels": True}, "must be int"),
        (OrganelleSpec, {"name": "x", "title": "X", "exclusion_zone": ZONE, "threshold": "0.5"}, "must be float"),
        (
            DatasetBlock,
            {"name": "x", "organelle": "er", "role": "training", "shape": (1.0, 2, 3)},
            "shape must be tuple",
        ),
    ],
)
def test_a_field_takes_its_type_and_no_other(cls: type, values: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        cls(**values)


def test_whole_numbers_are_numbers_and_none_is_allowed_where_it_is_stated() -> None:
    assert ModelSpec(**{**MODEL, "voxel_size_nm": (5, 5, 5)}).voxel_size_nm == (5, 5, 5)
    assert DatasetBlock(name="x", organelle="er", role="training", shape=None).shape is None


@pytest.mark.parametrize("recipe", ["recipe.yaml", "package:", "my-package:a.yaml", "package:../a.yaml"])
def test_a_recipe_lies_in_a_package(recipe: str) -> None:
    assert OrganelleSpec(name="x", title="X", exclusion_zone=ZONE, recipe="package:folder/a.yaml").recipe
    with pytest.raises(ValueError, match=r"recipe must be .import_package:path of a file in it."):
        OrganelleSpec(name="x", title="X", exclusion_zone=ZONE, recipe=recipe)


def test_what_a_reader_requires() -> None:
    reader = ReaderSpec(name="x", summary="", accepts=PATH, open=PATH, requires=("h5py: asem-core[hdf5]", "mrcfile"))
    with pytest.raises(ValueError, match=r"requires must be .import_package: what brings it., got 'h5py and more'"):
        attrs.evolve(reader, requires=("h5py and more",))


def test_outputs_are_stated_once_and_of_a_known_type() -> None:
    analysis = AnalysisSpec(
        name="x", version="1", summary="", fn=PATH, params=PATH, row="object", outputs=OUTPUTS, needs=("raw",)
    )
    with pytest.raises(ValueError, match="outputs must state every variable once, got none"):
        attrs.evolve(analysis, outputs=())
    with pytest.raises(ValueError, match="outputs must state every variable once, got voxels"):
        attrs.evolve(analysis, outputs=OUTPUTS * 2)
    with pytest.raises(ValueError, match="'dtype' must be in"):
        attrs.evolve(OUTPUTS[0], dtype="float16")
    with pytest.raises(ValueError, match="names must name at least one variable"):
        attrs.evolve(OUTPUTS[0], names=())
    with pytest.raises(ValueError, match="voxel_nm must be the smallest and the largest, above 0"):
        attrs.evolve(analysis, voxel_nm=(5.0, 1.0))


MANIFEST = {"preprocess": [], **{key: value for key, value in MODEL.items() if key != "package"}}


def test_models_in_a_package(tmp_path: Path) -> None:
    write_manifest(tmp_path, json.dumps({**MANIFEST, "preprocess": [{"name": "clahe", "params": {"clip": 0.02}}]}))
    (model,) = packaged_models("asem_organelle_x", tmp_path)
    assert model == ModelSpec(
        **{**MODEL, "package": "asem_organelle_x:models/m"}, preprocess=(StageRef(name="clahe", params={"clip": 0.02}),)
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "does not describe a model"),
        ("[]", "does not describe a model"),
        ("", "does not describe a model"),
        (json.dumps({k: v for k, v in MANIFEST.items() if k != "preprocess"}), "lacks 'preprocess'"),
        (json.dumps({k: v for k, v in MANIFEST.items() if k != "sha256"}), "missing 1 required .*'sha256'"),
        (json.dumps({**MANIFEST, "colour": "red"}), "unexpected .*'colour'"),
        (json.dumps({**MANIFEST, "version": 2}), "ModelSpec.version must be str, got 2"),
        (json.dumps({**MANIFEST, "voxel_size_nm": [10, 10]}), "voxel_size_nm must be three positive numbers"),
        (json.dumps({**MANIFEST, "voxel_size_nm": None}), "does not describe a model"),
        (json.dumps({**MANIFEST, "preprocess": ["clahe"]}), "does not describe a model"),
    ],
)
def test_a_broken_model_json_is_named(tmp_path: Path, text: str, says: str) -> None:
    manifest = write_manifest(tmp_path, text)
    with pytest.raises(ValueError, match=says) as caught:
        packaged_models("asem_organelle_x", tmp_path)
    assert str(caught.value).startswith(str(manifest))
    assert str(caught.value).endswith("install the plugin again")


def write_manifest(folder: Path, text: str) -> Path:
    (folder / "models" / "m").mkdir(parents=True)
    manifest = folder / "models" / "m" / "model.json"
    manifest.write_text(text)
    return manifest


@pytest.mark.parametrize("size", [(5, 5), (5, 5, 0), (5, -5, 5), (5, 5, float("nan")), (5, 5, 5, 5)])
def test_a_voxel_size_is_three_positive_numbers(size: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"voxel_size_nm must be three positive numbers"):
        ModelSpec(**{**MODEL, "voxel_size_nm": size})


@pytest.mark.parametrize("threshold", [0, 1, -0.5, 1.5])
def test_a_threshold_lies_between_0_and_1(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold must lie between 0 and 1"):
        OrganelleSpec(name="x", title="X", exclusion_zone=ZONE, threshold=threshold)


def test_widths_are_not_negative() -> None:
    with pytest.raises(ValueError, match="'dilate_voxels' must be >= 0"):
        OrganelleSpec(name="x", title="X", exclusion_zone=ZONE, dilate_voxels=-1)


def test_the_default_model_is_one_of_the_models() -> None:
    model = ModelSpec(**MODEL)
    organelle = OrganelleSpec(name="x", title="X", exclusion_zone=ZONE, models=(model,), default_model="m-10nm")
    assert organelle.models == (model,)
    with pytest.raises(ValueError, match=r"one of the organelle's models \['m-10nm'\], got 'm-5nm'"):
        attrs.evolve(organelle, default_model="m-5nm")


def test_the_ids_of_models_are_distinct() -> None:
    models = tuple(ModelSpec(**{**MODEL, "package": f"asem_x:models/{name}"}) for name in ("v1", "v2"))
    with pytest.raises(
        ValueError, match=r"distinct ids, got m-10nm more than once \(in asem_x:models/v1, asem_x:models/v2\)"
    ):
        OrganelleSpec(name="x", title="X", exclusion_zone=ZONE, models=models)


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
