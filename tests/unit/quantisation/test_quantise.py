"""A package with its network in 8-bit integers: kept, refused, found damaged, and run.

The graph in their place is the toy's own in float32, or one that sees nothing: what is tested is what is done with it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import pytest
import tifffile
import yaml
import zarr

from asem_core import Box, Registry, segment
from asem_core.errors import ModelError, PluginError
from asem_core.models.quantised import for_any_size, quantised_graph
from asem_core.models.runtimes import openvino_runtime
from asem_core.models.runtimes.graph import static_graph
from asem_core.models.runtimes.subpixel import without_upsampling
from asem_core.organelles import organelle_text
from asem_core.quantisation import Quantised, quantise
from asem_core.quantisation.trial import lost
from asem_core.zoo.files import INT8_NAME, ONNX_NAME
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.manifest import check_files, is_only_own, write_manifest
from asem_core.zoo.organelle import write_organelle
from asem_core.zoo.rdf import read_description
from asem_core.zoo.write.quantised import PrecisionScore, Quantisation, without_section, write_quantised

pytest.importorskip("openvino", reason="there is no OpenVINO for this platform")

CARD = "Trained on nothing.\n\n## Validation\n\nnone\n\n## Known failures\n\n- all\n"
LIKE_FLOAT32 = 1e-5


@pytest.fixture
def package(toy: Any, tmp_path: Path) -> Path:
    """The toy's, with all that a package of ours has."""
    folder = tmp_path / "package"
    shutil.copytree(toy.onnx.parent, folder)
    write_manifest(toy.organelle.models[0], folder)
    write_organelle(attrs.evolve(toy.organelle, models=(), default_model=None), folder)
    (folder / "README.md").write_text(CARD)
    values = yaml.safe_load((folder / "rdf.yaml").read_text())
    values |= {
        "config": {"asem": {"organelle": "toy"}},
        "attachments": [{"source": "model.json"}, {"source": "organelle.yaml"}],
        "documentation": "README.md",
        "weights": {"onnx": {"source": ONNX_NAME}},
    }
    (folder / "rdf.yaml").write_text(yaml.safe_dump(values))
    return folder


@pytest.fixture
def truth(toy: Any, registry: Registry, tissue: Any, as_volume: Callable[..., Any], tmp_path: Path) -> Any:
    """What the toy finds in float32."""
    segment(as_volume(tissue), tmp_path / "truth.zarr", organelle=toy.organelle, registry=registry, precision="f32")
    return as_volume(np.asarray(zarr.open_group(tmp_path / "truth.zarr", mode="r")["labels/toy/0"]))


@pytest.fixture
def run(
    package: Path, truth: Any, registry: Registry, tissue: Any, as_volume: Callable[..., Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Quantised]:  # fmt: skip
    """Quantise it by a graph that is given, on a processor of any kind."""
    monkeypatch.setattr(openvino_runtime, "has_int8", lambda: True)

    def call(graph: Callable[..., bytes], output: str = "int8", **options: Any) -> Quantised:
        monkeypatch.setattr("asem_core.quantisation.run.quantised_graph", graph)
        given = {"volume": as_volume(tissue), "labels": truth, "registry": registry, **options}
        return quantise(package, tmp_path / output, **given)

    return call


def exact(path: Path, blocks: Any) -> bytes:
    graph: bytes = for_any_size(without_upsampling(static_graph(path, blocks[0].shape))).SerializeToString()
    return graph


def blind(path: Path, blocks: Any) -> bytes:
    """The same, whose every weight is 0."""
    model = onnx.load_from_string(exact(path, blocks))
    for tensor in model.graph.initializer:
        if len(tensor.dims) == 5:
            values = np.zeros_like(onnx.numpy_helper.to_array(tensor))
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    graph: bytes = model.SerializeToString()
    return graph


def test_kept_where_f1_stays(run: Callable[..., Quantised], package: Path, registry: Registry, tissue: Any,
                             as_volume: Callable[..., Any], tmp_path: Path) -> None:  # fmt: skip
    done = run(exact)
    folder = Path(done.spec.package)
    assert "toy-10nm has int8 weights: F1" in str(done)
    check_description(folder)
    assert check_files(folder) == done.spec
    assert is_only_own(folder)
    assert done.quantisation.scores[0].precision == "f32"
    assert {score.precision for score in done.quantisation.scores} >= {"f32", "int8"}
    card = (folder / "README.md").read_text()
    assert "| memory | int8 | 1.0000 | 1.0000 |" in card
    assert "1 of memory (given, not a volume of the recipe)" in card
    assert without_section(card) == CARD
    told = read_description(folder)["config"]["asem"]["precisions"]
    assert told["kept"]
    assert told["lost"] == done.quantisation.lost
    assert not (package / INT8_NAME).exists()
    found = segment(as_volume(tissue), tmp_path / "auto.zarr", model=folder, registry=registry)
    assert found.precision == "int8"
    settings = zarr.open_group(found.path, mode="r").attrs["asem"]["settings"]
    assert settings["quantised"] == done.spec.int8_sha256
    assert segment(as_volume(tissue), tmp_path / "f32.zarr", model=folder, registry=registry, precision="f32",
                   ).precision == "f32"  # fmt: skip


def test_refused_where_f1_falls(run: Callable[..., Quantised], registry: Registry, tissue: Any,
                                as_volume: Callable[..., Any], tmp_path: Path) -> None:  # fmt: skip
    done = run(blind)
    folder = Path(done.spec.package)
    assert done.quantisation.lost > 0.5
    assert "int8 refused: F1 falls by" in str(done)
    assert done.spec.int8_sha256 is None
    assert not (folder / INT8_NAME).exists()
    check_description(folder)
    assert "8-bit integers were tried and refused" in (folder / "README.md").read_text()
    assert "int8_sha256" not in json.loads((folder / "model.json").read_text())
    with pytest.raises(ModelError, match="no weights in int8"):
        segment(as_volume(tissue), tmp_path / "asked.zarr", model=folder, registry=registry, precision="int8")


def test_damaged_8_bit_integers_are_found(run: Callable[..., Quantised], registry: Registry, tissue: Any,
                                          as_volume: Callable[..., Any], tmp_path: Path) -> None:  # fmt: skip
    folder = Path(run(exact).spec.package)
    content = bytearray((folder / INT8_NAME).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / INT8_NAME).write_bytes(content)
    with pytest.raises(ModelError, match=r"sha256 of .*weights_int8\.onnx is .*the file was changed or damaged"):
        check_files(folder)
    with pytest.raises(ModelError, match=r"weights_int8\.onnx"):
        segment(as_volume(tissue), tmp_path / "never.zarr", model=folder, registry=registry, precision="f32")
    (folder / INT8_NAME).unlink()
    with pytest.raises(ModelError, match=r"weights_int8\.onnx is missing"):
        check_files(folder)


def test_what_it_needs(run: Callable[..., Quantised], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"has no recipe\.yaml: give a volume and its truth"):
        run(exact, labels=None)
    with pytest.raises(ModelError, match="give both"):
        run(exact, volume=None)
    monkeypatch.setattr(openvino_runtime, "has_int8", lambda: False)
    with pytest.raises(PluginError, match="no VNNI or AMX"):
        run(exact)


RECIPE = """
organelle: toy
voxel_size_nm: [10, 10, 10]
preset: fast
base: 2
training:
  - {raw: raw.tif, labels: labels.tif, voxel_size_nm: [10, 10, 10], roi: "0:70,0:90,10:80"}
  - {raw: elsewhere.tif, labels: labels.tif, voxel_size_nm: [10, 10, 10]}
validation:
  - {raw: raw.tif, labels: labels.tif, voxel_size_nm: [10, 10, 10], roi: "0:70,0:90,0:40"}
  - {raw: elsewhere.tif, labels: labels.tif, voxel_size_nm: [10, 10, 10]}
phases: [{iterations: 2, side: 100}]
"""


def test_the_recipe_says_which_volumes(
    run: Callable[..., Quantised], package: Path, truth: Any, tissue: Any, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (package / "recipe.yaml").write_text(RECIPE)
    asked = {"volume": None, "labels": None, "data": data}
    with pytest.raises(ModelError, match=r"none of the 2 volumes that the model was validated on is in .*\(--data\)"):
        run(exact, **asked)
    tifffile.imwrite(data / "raw.tif", tissue, photometric="minisblack")
    tifffile.imwrite(data / "labels.tif", truth.read(truth.box), photometric="minisblack")
    done = run(exact, **asked)
    assert {score.volume for score in done.quantisation.scores} == {"raw.tif [0:70,0:90,0:40]"}
    assert all(score.f1_without_zone > 0.999 for score in done.quantisation.scores if score.precision == "f32")
    card = (Path(done.spec.package) / "README.md").read_text()
    assert "1 of raw.tif [0:70,0:90,10:80]; 1 of the 2 training volumes were not there" in card
    assert "1 validation volume of the recipe was not there to be scored" in card


def test_another_recipe_says_which_volumes_instead(
    run: Callable[..., Quantised], toy: Any, package: Path, truth: Any, tissue: Any, tmp_path: Path
) -> None:
    """As for a model that was trained without any to validate on."""
    recipe = yaml.safe_load(RECIPE)
    for key in ("training", "validation"):
        recipe[key] = recipe[key][:1]
    (tmp_path / "toy.yaml").write_text(organelle_text(toy.organelle))
    for name, organelle in (("judged", "toy.yaml"), ("other", "mito")):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(recipe | {"organelle": organelle}))
    (package / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"validation": []}))
    tifffile.imwrite(tmp_path / "raw.tif", tissue, photometric="minisblack")
    tifffile.imwrite(tmp_path / "labels.tif", truth.read(truth.box), photometric="minisblack")
    asked = {"volume": None, "labels": None, "data": tmp_path}
    with pytest.raises(ModelError, match="none of the 0 volumes that the model was validated on"):
        run(exact, **asked)
    with pytest.raises(ModelError, match=r"other\.yaml trains mito, the model .* finds toy: give a recipe of toy"):
        run(exact, recipe=tmp_path / "other.yaml", **asked)
    done = run(exact, recipe=tmp_path / "judged.yaml", **asked)
    assert {score.volume for score in done.quantisation.scores} == {"raw.tif [0:70,0:90,0:40]"}
    assert done.quantisation.absent == 0
    assert (Path(done.spec.package) / "recipe.yaml").read_bytes() == (package / "recipe.yaml").read_bytes()


def test_volumes_of_one_name_are_scored_as_one(
    run: Callable[..., Quantised], package: Path, truth: Any, tissue: Any, tmp_path: Path
) -> None:
    """As boxes that a fine-tuning held back; one of them has nothing of the organelle."""
    boxes = (("labels", "0:70,0:90,0:40"), ("nothing", "0:70,0:90,50:80"))
    recipe = yaml.safe_load(RECIPE)
    recipe["validation"] = [
        recipe["training"][0] | {"labels": f"{labels}.tif", "roi": roi, "name": "held back"} for labels, roi in boxes
    ]
    (package / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    values = truth.read(truth.box)
    for name, image in (("raw", tissue), ("labels", values), ("nothing", np.zeros_like(values))):
        tifffile.imwrite(tmp_path / f"{name}.tif", image, photometric="minisblack")
    scores = run(exact, volume=None, labels=None, data=tmp_path).quantisation.scores
    assert {score.volume for score in scores} == {"held back"}
    assert len({score.precision for score in scores}) == len(scores)
    found = np.asarray(values) > 0
    right, wrong = found[..., :40].sum(), found[..., 50:].sum()
    assert scores[0].f1_without_zone == pytest.approx(2 * right / (2 * right + wrong), abs=1e-3)


def test_the_loss_is_the_largest_of_any_volume() -> None:
    def score(volume: str, precision: str, with_zone: float, without_zone: float) -> PrecisionScore:
        return PrecisionScore(
            volume=volume, precision=precision, f1_with_zone=with_zone, f1_without_zone=without_zone,
            voxels_per_cpu_second=1e6,
        )  # fmt: skip

    a = [score("a", "f32", 0.9, 0.8), score("a", "bf16", 0.0, 0.0), score("a", "int8", 0.91, 0.79)]
    b = [score("b", "int8", 0.5, 0.5), score("b", "f32", 0.47, 0.49)]
    assert lost(a + b) == pytest.approx(0.01)
    assert lost(b) == pytest.approx(-0.01)


def test_any_part_and_any_worker_count_give_the_same_8_bit_result(
    toy: Any, package: Path, registry: Registry, tissue: Any, as_volume: Callable[..., Any], tmp_path: Path
) -> None:
    pytest.importorskip("nncf", reason="the extra asem-core[quantise] is not installed")
    if not openvino_runtime.has_int8():
        pytest.skip("this processor is not made for 8-bit integers")
    block = np.pad(tissue, [(0, 112 - n) for n in tissue.shape], mode="symmetric")
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(quantised_graph(toy.onnx, [(block * np.float32(2 / 255) - 1)[None, None]]))
    made = Quantisation(calibrated_on=("a block",), scores=(), lost=0.0, most_lost=1.0, processor="any")
    write_quantised(tmp_path / "int8", parent=package, int8=graph, quantisation=made)

    def found(name: str, precision: str = "int8", **options: Any) -> Any:
        path = tmp_path / f"{name}.zarr"
        segment(
            as_volume(tissue), path, model=tmp_path / "int8", registry=registry, precision=precision, tile=136,
            prob_dtype="float32", **options,
        )  # fmt: skip
        return np.asarray(zarr.open_group(path, mode="r")["0"])

    box = Box.parse("3:60,5:77,11:80")
    whole = found("whole")
    np.testing.assert_array_equal(found("one", workers=1), whole)
    np.testing.assert_array_equal(found("part", roi=box, workers=2), whole[box.slices])
    assert np.abs(found("f32", precision="f32") - whole).max() > LIKE_FLOAT32, "it must be another arithmetic"
