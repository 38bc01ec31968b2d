"""From a training run to a package that bioimage.io accepts, and back through the command line."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import attrs
import numpy as np
import pytest
import tifffile
import yaml
import zarr
from click.testing import CliRunner

from asem_core import adapt, quantisation, segment
from asem_core.cli.segment import segment as segment_verb
from asem_core.cli.zoo import zoo
from asem_core.errors import AsemError, ModelError
from asem_core.models.moments import graph_weights, measure_moments
from asem_core.organelles import new_organelle, organelle_text
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.registry import make_registry
from asem_core.specs import OrganelleSpec, StageRef
from asem_core.volume.output import held
from asem_core.zoo.files import file_sha256
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.moments import TrainedMoments, write_moments
from asem_core.zoo.organelle import write_organelle
from asem_core.zoo.validate import bioimageio_test, problems
from asem_core.zoo.write.export import export_zip

torch = pytest.importorskip("torch", reason="packaging needs torch: pip install 'asem-core[train]'")

CARD = {
    "title": "Toy mitochondria", "description": "A toy.", "trained_on": "trained on nothing", "data": ["none"],
    "licence": "CC0", "licence_spdx": "CC0-1.0", "split": "none", "known_failures": ["everything"],
    "citation": [{"text": "Toy", "url": "https://example.org"}], "authors": ["A. Toy"], "tags": ["3d"],
}  # fmt: skip
RECIPE = """
organelle: mito
voxel_size_nm: [10, 10, 10]
preset: fast
base: 2
normalise: false
training: [{raw: a.tif, labels: b.tif}]
phases: [{iterations: 2, side: 100}]
"""
GREY = {
    "low": [40.0, 50.0, 60.0], "median": [120.0, 130.0, 140.0], "high": [200.0, 210.0, 220.0],
    "contrast": [0.1, 0.2, 0.3], "volumes": 3,
}  # fmt: skip

ZONE = StageRef(name="shell", params={"dilate": 1, "erode": 1})


def not_installed(onnx, scaled):
    raise ImportError


@pytest.fixture(scope="module", autouse=True)
def small_cubes():
    """Cubes of 120 voxels instead of 160, and one runtime: what is tested here is the files, not the numbers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asem_core.zoo.write.samples.PARITY_SIDE", 120)
        patch.setattr("asem_core.zoo.write.parity.run_openvino", not_installed)
        yield


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A finished toy run, its card, a sample, and the package that was written from them (cheap parts shared)."""
    from asem_core.training.unet import UNet

    folder = tmp_path_factory.mktemp("zoo")
    run = folder / "run"
    run.mkdir()
    torch.manual_seed(0)
    network = UNet(2)
    with torch.no_grad():
        # Random logits hardly differ; stretched, the test output has both classes.
        network.final_conv_pass.conv_pass[0].weight *= 30
    torch.save(network.state_dict(), run / "weights.pt")
    (run / "recipe.yaml").write_text(RECIPE)
    (run / "log.jsonl").write_text('{"kind": "train", "iteration": 1}\n{"kind": "train", "iteration": 2}\n')
    (run / "grey.json").write_text(json.dumps(GREY))
    (run / "selection.json").write_text('{"chosen": 1}')
    (folder / "card.yaml").write_text(yaml.safe_dump(CARD))
    raw = np.random.default_rng(0).integers(0, 256, (120, 120, 120)).astype(np.uint8)
    tifffile.imwrite(folder / "sample.tif", raw, photometric="minisblack")
    result = package(folder, folder / "package")
    assert result.exit_code == 0, (result.output, result.exception)
    (folder / "printed.txt").write_text(result.output)
    return folder


def package(folder, output, *more, voxel_size="10,10,10", organelle="mito"):
    return run_zoo(
        "package",
        folder / "run",
        "-o",
        output,
        "--organelle",
        organelle,
        "--id",
        "toy-10nm",
        "--date",
        "2026-01-02",
        "--card",
        folder / "card.yaml",
        "--sample",
        folder / "sample.tif",
        "--voxel-size",
        voxel_size,
        *more,
    )


def run_zoo(*arguments):
    return CliRunner().invoke(zoo, [str(argument) for argument in arguments])


def refusal(result):
    assert result.exit_code != 0
    assert isinstance(result.exception, AsemError), result.exception
    return str(result.exception)


def test_8_bit_integers_come_with_the_package(work, tmp_path, monkeypatch):
    """What `quantise` does is tested there; here, that it is given the plain package, and where it is to write."""
    asked = []

    def fake(model, output, *, data, registry, overwrite):
        asked.append((read_manifest(model).id, output, data, overwrite))
        return SimpleNamespace(spec=attrs.evolve(read_manifest(model), int8_sha256="ab" * 32))

    monkeypatch.setattr(quantisation, "quantise", fake, raising=False)
    result = package(work, tmp_path / "both", "--int8", "--data", tmp_path, "--overwrite")
    assert result.exit_code == 0, (result.output, result.exception)
    assert asked == [("toy-10nm", tmp_path / "both", tmp_path, True)]
    assert f'"int8_sha256": "{"ab" * 32}"' in result.output
    assert not (tmp_path / "both").exists(), "the plain package lies elsewhere"


def test_a_run_that_is_still_written_is_not_packaged(work, tmp_path):
    """Its weights are there before what is measured of them."""
    with held(work / "run"):
        said = refusal(package(work, tmp_path / "package"))
    assert said == f"{work / 'run'} is being written by another process: wait until it has ended"
    assert not (tmp_path / "package").exists()


def test_a_lock_that_a_killed_training_left_does_not_count(work, tmp_path):
    left = work / ".run.lock"
    left.touch()
    assert package(work, tmp_path / "package").exit_code == 0
    left.unlink()


def test_files(work):
    names = {path.name for path in (work / "package").iterdir()}
    assert names == {
        "rdf.yaml", "README.md", "cover.png", "weights.onnx", "weights_state_dict.pt", "unet.py", "model.json",
        "test_input.npy", "test_output.npy", "recipe.yaml", "log.jsonl", "organelle.yaml",
    }  # fmt: skip
    assert not [path for path in work.iterdir() if path.name.startswith(".")]
    test_input = np.load(work / "package/test_input.npy")
    assert test_input.shape == (1, 1, 112, 112, 112)
    assert test_input.dtype == np.float32
    assert test_input.max() > 200


def test_manifest_is_what_was_printed_and_what_is_there(work):
    spec = read_manifest(work / "package")
    assert spec.sha256 == file_sha256(work / "package/weights.onnx")
    assert spec.id == "toy-10nm"
    assert spec.voxel_size_nm == (10.0, 10.0, 10.0)
    assert [stage.name for stage in spec.preprocess] == ["scale_linear"]
    printed = (work / "printed.txt").read_text()
    assert spec.sha256 in printed
    assert "torch against onnxruntime: largest difference" in printed


def test_the_package_says_what_grey_values_it_was_trained_on(work):
    spec = read_manifest(work / "package")
    assert spec.grey is not None
    assert (spec.grey.low, spec.grey.high, spec.grey.volumes) == ((40, 50, 60), (200, 210, 220), 3)
    assert yaml.safe_load((work / "package" / "rdf.yaml").read_text())["config"]["asem"]["grey"] == GREY
    card = (work / "package" / "README.md").read_text()
    assert "Trained on 3 volumes with grey values from 50 (40 to 60) to 210 (200 to 220)" in card


def test_the_card_says_which_iteration_was_chosen(work):
    assert "- Iterations: 1 of the 2 of the recipe" in (work / "package" / "README.md").read_text()


def test_description_is_what_other_tools_need(work):
    rdf = yaml.safe_load((work / "package/rdf.yaml").read_text())
    assert rdf["format_version"] == "0.5.4"
    assert rdf["covers"] == ["cover.png"]
    assert rdf["documentation"] == "README.md"
    assert rdf["license"] == "CC0-1.0"
    assert set(rdf["weights"]) == {"onnx", "pytorch_state_dict"}
    z = rdf["inputs"][0]["axes"][2]
    assert (z["size"], z["unit"], z["scale"]) == ({"min": 112, "step": 8}, "nanometer", 10.0)
    assert rdf["outputs"][0]["axes"][2]["halo"] == 52
    assert "null" not in (work / "package/rdf.yaml").read_text()


@pytest.mark.parametrize("weights", ["onnx", pytest.param("pytorch_state_dict", marks=pytest.mark.slow)])
def test_bioimageio_test_passes(work, weights):
    result = run_zoo("test", work / "package", "--weights", weights)
    assert result.exit_code == 0, (result.output, result.exception)
    assert f"{weights}: passed" in result.output


PERCENTILES = "percentile_rescale", {"low": 5.0, "high": 90.0}
FIXED = "fixed_zero_mean_unit_variance"
CLAHE = "clahe", {"kernel": 24, "clip": 0.02}


@pytest.mark.parametrize(
    ("stages", "steps", "warned"),
    [
        ([PERCENTILES], ["ensure_dtype", "scale_range", "clip", "scale_linear", FIXED], ""),
        ([CLAHE], ["ensure_dtype", FIXED], "other tools do not run clahe:clip=0.02,kernel=24, without"),
    ],
    ids=["percentiles", "clahe"],
)
def test_stages_are_carried_from_the_recipe_to_the_segmentation(
    work, tmp_path, registry, as_volume, caplog, stages, steps, warned
):
    folder, archive = tmp_path / "staged", tmp_path / "staged.zip"
    shutil.copytree(work / "run", tmp_path / "run")
    for name in ("card.yaml", "sample.tif"):
        shutil.copy(work / name, tmp_path)
    values = yaml.safe_load(RECIPE) | {"preprocess": [{"name": name, "params": params} for name, params in stages]}
    (tmp_path / "run" / "recipe.yaml").write_text(yaml.safe_dump(values))
    result = package(tmp_path, folder)
    assert result.exit_code == 0, (result.output, result.exception)
    rdf = yaml.safe_load((folder / "rdf.yaml").read_text())
    found = [step["id"] for step in rdf["inputs"][0]["preprocessing"]]
    assert found[:-1] == steps, "bioimage.io adds a last ensure_dtype"
    assert bioimageio_test(folder).passed
    export_zip(folder, archive)
    assert warned in caplog.text
    assert bool(caplog.text) == bool(warned)

    raw = np.random.default_rng(5).gamma(4, 20, (24, 32, 32)).clip(0, 255).astype(np.uint8)
    volume = as_volume(raw)
    refs = [StageRef(name=name, params=params) for name, params in stages]
    before = make_steps(refs, registry)
    normal = normalised(volume, before, measure(volume, before))
    organelle = OrganelleSpec(name="mito", title="Mito", exclusion_zone=ZONE)
    options = {"organelle": organelle, "registry": registry, "prob_dtype": "float32", "runtime": "onnxruntime"}
    staged = segment(volume, tmp_path / "a.zarr", model=archive, **options)
    plain = segment(as_volume(normal.read(normal.box)), tmp_path / "b.zarr", model=work / "package", **options)
    raw_alone = segment(volume, tmp_path / "c.zarr", model=work / "package", **options)
    staged, plain, raw_alone = (zarr.open_array(each.path / "0", mode="r")[:] for each in (staged, plain, raw_alone))
    np.testing.assert_array_equal(staged, plain)
    assert np.abs(staged - raw_alone).max() > 1e-3


def test_a_package_that_lost_its_manifest_is_not_run_as_others_describe_it(work, tmp_path, registry, as_volume):
    shutil.copytree(work / "package", tmp_path / "package")
    (tmp_path / "package/model.json").unlink()
    rdf = yaml.safe_load((tmp_path / "package/rdf.yaml").read_text())
    rdf["attachments"] = [file for file in rdf["attachments"] if file["source"] != "model.json"]
    (tmp_path / "package/rdf.yaml").write_text(yaml.safe_dump(rdf))
    organelle = OrganelleSpec(name="mito", title="Mito", exclusion_zone=ZONE)
    volume = as_volume(np.zeros((20, 20, 20), np.uint8))
    with pytest.raises(ModelError, match=r"model\.json is missing"):
        segment(volume, tmp_path / "o.zarr", model=tmp_path / "package", organelle=organelle, registry=registry)
    assert not (tmp_path / "o.zarr").exists()


def test_bioimageio_test_finds_a_wrong_result(work, tmp_path):
    folder = tmp_path / "package"
    shutil.copytree(work / "package", folder)
    output, description = folder / "test_output.npy", folder / "rdf.yaml"
    before = file_sha256(output)
    np.save(output, 1 - np.load(output))
    description.write_text(description.read_text().replace(before, file_sha256(output)))
    assert "failed" in refusal(run_zoo("test", folder))


def test_changed_weights_are_refused(work, tmp_path):
    folder = tmp_path / "package"
    shutil.copytree(work / "package", folder)
    (folder / "weights.onnx").write_bytes(b"other")
    assert "sha256" in refusal(run_zoo("test", folder))


def test_packaging_again_adds_scores_and_keeps_the_weights(work, tmp_path):
    score = {"precision": 0.9, "recall": 0.9, "f1": 0.9, "iou": 0.8}
    (tmp_path / "s.json").write_text(json.dumps({"with_zone": score, "without_zone": score}))
    shutil.copytree(work / "package", tmp_path / "package")
    refused = package(work, tmp_path / "package")
    assert "exists already" in refusal(refused)
    again = package(work, tmp_path / "package", "--overwrite", "--scores", f"held out={tmp_path / 's.json'}")
    assert again.exit_code == 0, again.exception
    before, after = read_manifest(work / "package"), read_manifest(tmp_path / "package")
    assert before.sha256 == after.sha256
    assert after.scores == {"f1_with_zone": 0.9, "f1_without_zone": 0.9}
    assert "| held out |" in (tmp_path / "package/README.md").read_text()


def test_a_structure_that_no_plugin_knows(work, tmp_path):
    """A file instead of a plugin, no card: trained, packaged, checked, and segmented by its package alone."""
    shutil.copytree(work / "run", tmp_path / "run")
    (tmp_path / "run/recipe.yaml").write_text(RECIPE.replace("organelle: mito", "organelle: lysosome"))
    made = ["package", tmp_path / "run", "-o", tmp_path / "model", "--id", "lysosome-10nm", "--voxel-size", "10,10,10",
            "--sample", work / "sample.tif"]  # fmt: skip
    assert "`asem organelles new lysosome`" in refusal(run_zoo(*made))
    write_organelle(attrs.evolve(new_organelle("lysosome"), threshold=0.25), tmp_path / "run")
    result = run_zoo(*made)
    assert result.exit_code == 0, (result.output, result.exception)
    assert "without a card nobody knows whose the model is" in result.stderr
    rdf = yaml.safe_load((tmp_path / "model/rdf.yaml").read_text())
    assert (rdf["authors"], "license" in rdf) == ([{"name": "not stated"}], False)
    assert "organelle.yaml" in [file["source"] for file in rdf["attachments"]]
    assert problems(tmp_path / "model") == ()

    (tmp_path / "lysosome.yaml").write_text(organelle_text(new_organelle("lysosome")))
    raw = np.random.default_rng(5).integers(0, 256, (30, 30, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "raw.tif", raw, photometric="minisblack")

    def segmented(name, *more):
        arguments = [tmp_path / "raw.tif", "-o", tmp_path / name, "--voxel-size", "10", "--model", tmp_path / "model",
                     "--prob-dtype", "float32"]  # fmt: skip
        result = CliRunner().invoke(segment_verb, [str(each) for each in (*arguments, *more)])
        assert result.exit_code == 0, (result.output, result.exception)
        return tuple(zarr.open_array(tmp_path / name / each, mode="r")[:] for each in ("0", "labels/lysosome/0"))

    for threshold, (probability, found) in (
        (0.25, segmented("by_package.zarr")),
        (0.5, segmented("by_file.zarr", "--organelle", tmp_path / "lysosome.yaml")),
    ):
        np.testing.assert_array_equal(found, probability >= threshold)
    options = ["-o", tmp_path / "er.zarr", "--voxel-size", "10", "--model", tmp_path / "model", "--organelle", "er"]
    wrong = CliRunner().invoke(segment_verb, [str(each) for each in (tmp_path / "raw.tif", *options)])
    assert "finds lysosome, not er: leave --organelle out" in refusal(wrong)


def test_the_card_of_the_run_is_the_default(work, tmp_path):
    shutil.copytree(work / "run", tmp_path / "run")
    (tmp_path / "run/card.yaml").write_text(yaml.safe_dump({**CARD, "titel": "Toy"}))
    result = run_zoo("package", tmp_path / "run", "-o", tmp_path / "p", "--id", "x", "--sample", work / "sample.tif")
    assert "unknown key 'titel'" in refusal(result)


def test_foreign_folders_are_never_replaced(work, tmp_path):
    (tmp_path / "thesis.tex").touch()
    assert "not only, a model package that ASEM wrote" in refusal(package(work, tmp_path, "--overwrite"))
    assert (tmp_path / "thesis.tex").exists()


def test_wrong_input_is_explained(work, tmp_path):
    assert "check --organelle" in refusal(package(work, tmp_path / "p", organelle="er"))
    assert "on the model's grid" in refusal(package(work, tmp_path / "p", voxel_size="5,5,5"))
    assert "NAME=FILE" in refusal(package(work, tmp_path / "p", "--scores", "s.json"))
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("--id", "my model", "the id of a model must be letters"), ("--model-version", "draft", "such as 1.0.0")],
)
def test_id_and_version_are_looked_at_before_anything_is_read(tmp_path, option, value, says):
    needed = {"-o": tmp_path / "p", "--id": "toy-10nm", "--sample": "cell.zarr", option: value}
    arguments = [str(each) for pair in needed.items() for each in pair]
    assert says in refusal(CliRunner().invoke(zoo, ["package", str(tmp_path / "run"), *arguments]))


def test_runtimes_that_disagree_leave_nothing(work, tmp_path, monkeypatch):
    from asem_core.training import export

    monkeypatch.setattr(export, "run_torch", lambda network, scaled: np.ones_like(scaled))
    assert "differs from torch" in refusal(package(work, tmp_path / "p"))
    assert list(tmp_path.iterdir()) == []


def test_unknown_model_lists_what_there_is():
    with pytest.raises(ModelError, match="no model 'nothing'; installed models:"):
        CliRunner().invoke(zoo, ["test", "nothing"], catch_exceptions=False)


def test_list_is_json():
    result = run_zoo("list", "--json")
    assert result.exit_code == 0
    assert isinstance(json.loads(result.output), list)


def test_moments_are_packaged_and_an_adapted_package_is_sound(work, tmp_path, as_volume):
    shutil.copytree(work / "run", tmp_path / "run")
    for name in ("card.yaml", "sample.tif"):
        shutil.copy(work / name, tmp_path)
    sample = tifffile.imread(work / "sample.tif")
    block = (sample[:112, :112, :112] * np.float32(2 / 255) - 1)[None, None]
    layers = measure_moments(work / "package" / "weights.onnx", [block])
    spread = {name: attrs.evolve(layer, spread=1e-3 + 0 * layer.spread) for name, layer in layers.items()}
    write_moments(TrainedMoments(tissue=("noise: 1 block",), layers=spread), tmp_path / "run")
    assert package(tmp_path, tmp_path / "parent").exit_code == 0
    assert problems(tmp_path / "parent") == ()

    volume = as_volume((sample // 2 + 60).astype(np.uint8))
    done = adapt(volume, tmp_path / "new", model=tmp_path / "parent", weight=1.0)
    assert problems(tmp_path / "new") == ()
    assert done.adaptation.strength > 0.9
    assert (done.spec.id, done.spec.licence, done.spec.scores) == ("toy-10nm-adapted", "CC0", {})
    assert "from `toy-10nm` 1.0.0" in (tmp_path / "new" / "README.md").read_text()
    told = yaml.safe_load((tmp_path / "new" / "rdf.yaml").read_text())["config"]["asem"]["adapted"]
    assert told["parent"]["id"] == "toy-10nm"
    assert bioimageio_test(tmp_path / "new").passed
    made = segment(volume, tmp_path / "out.zarr", organelle="mito", model=tmp_path / "new")
    assert made.model == "toy-10nm-adapted"
    with pytest.raises(ModelError, match=r"has no moments.json"):
        adapt(volume, tmp_path / "again", model=tmp_path / "new")
    assert not (tmp_path / "again").exists()

    from asem_core.training.start import network_of

    weights = graph_weights(tmp_path / "new" / "weights.onnx")
    for name, value in network_of(str(tmp_path / "new"), make_registry()).state_dict().items():
        assert np.array_equal(value.numpy(), weights[name]), name
