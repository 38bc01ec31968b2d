"""A package that was damaged, exchanged or emptied is refused before its weights are read."""

from __future__ import annotations

import json
import sys

import attrs
import pytest
import yaml

from asem_core.errors import ModelError
from asem_core.models.own import open_own
from asem_core.organelles import new_organelle
from asem_core.plugins import make_manager
from asem_core.registry import Registry
from asem_core.specs import ModelSpec
from asem_core.zoo.files import file_sha256
from asem_core.zoo.manifest import check_files, read_manifest, write_manifest
from asem_core.zoo.organelle import carried_organelle, write_organelle

from ..own_package import write_tiles

REGISTRY = Registry(make_manager([]))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Folder of a package in an importable plugin, and the spec that fits it."""
    (tmp_path / "asem_organelle_toy").mkdir()
    (tmp_path / "asem_organelle_toy/__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "asem_organelle_toy/models/toy"
    folder.mkdir(parents=True)
    write_tiles(folder)
    (folder / "weights.onnx").write_bytes(b"the weights")
    spec = ModelSpec(
        id="toy",
        version="1.0.0",
        package="asem_organelle_toy:models/toy",
        voxel_size_nm=(10.0, 10.0, 10.0),
        sha256=file_sha256(folder / "weights.onnx"),
        licence="none",
        trained_on="nothing",
    )
    write_manifest(spec, folder)
    yield folder, spec
    sys.modules.pop("asem_organelle_toy", None)


def refusals(folder, spec, match):
    for attempt in (lambda: open_own(spec, registry=REGISTRY), lambda: check_files(folder)):
        with pytest.raises(ModelError, match=match):
            attempt()


def test_sound_package_opens(package):
    folder, spec = package
    assert open_own(spec, registry=REGISTRY).onnx == folder / "weights.onnx"
    assert check_files(folder) == attrs.evolve(spec, package=str(folder))


def test_changed_weights(package):
    folder, spec = package
    (folder / "weights.onnx").write_bytes(b"the weighty")
    refusals(folder, spec, r"sha256 of .*weights\.onnx is [0-9a-f]{64}, expected [0-9a-f]{64}")


def test_truncated_weights(package):
    folder, spec = package
    (folder / "weights.onnx").write_bytes(b"")
    refusals(folder, spec, "changed or damaged")


def test_missing_description(package):
    folder, spec = package
    (folder / "rdf.yaml").unlink()
    refusals(folder, spec, "rdf.yaml is missing")


def test_missing_weights(package):
    folder, spec = package
    (folder / "weights.onnx").unlink()
    refusals(folder, spec, r"weights\.onnx is missing")


def test_missing_folder_and_plugin(package):
    _, spec = package
    with pytest.raises(ModelError, match=r"rdf\.yaml is missing"):
        open_own(attrs.evolve(spec, package="asem_organelle_toy:models/gone"), registry=REGISTRY)
    with pytest.raises(ModelError, match="cannot import"):
        open_own(attrs.evolve(spec, package="asem_organelle_gone:models/toy"), registry=REGISTRY)


def test_missing_manifest(package):
    folder, _ = package
    (folder / "model.json").unlink()
    with pytest.raises(ModelError, match=r"model\.json is missing"):
        check_files(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"preprocess": []}', "not json", '{"preprocess": 3, "voxel_size_nm": 1}']
)
def test_broken_manifest(package, text):
    folder, _ = package
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelError, match=r"model\.json does not describe a model"):
        read_manifest(folder)


def test_manifest_of_other_weights(package):
    folder, _ = package
    values = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**values, "sha256": "0" * 64}))
    with pytest.raises(ModelError, match="expected 0000"):
        check_files(folder)


def name_organelle(folder, organelle):
    values = yaml.safe_load((folder / "rdf.yaml").read_text())
    (folder / "rdf.yaml").write_text(yaml.safe_dump({**values, "config": {"asem": {"organelle": organelle}}}))


def test_an_organelle_that_the_package_carries(package):
    folder, _ = package
    assert carried_organelle(folder) is None
    name_organelle(folder, "lysosome")
    write_organelle(new_organelle("lysosome"), folder)
    check_files(folder)
    assert carried_organelle(folder) == new_organelle("lysosome")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name: !!python/object/apply:os.getcwd []", "without tags"),
        ("x" * (5 * 2**20), "takes 5 MB, expected some KB"),
        ("[" * 10**5, "is not YAML"),
        ("name: lysosome", "required field missing"),
        ("name: ../../etc\ntitle: x\nexclusion_zone: {name: shell}", "name must be a word"),
        ("name: mito\ntitle: x\nexclusion_zone: {name: shell}", "describes mito, but the model finds lysosome"),
    ],
)
def test_a_hostile_organelle(package, text, match):
    folder, _ = package
    name_organelle(folder, "lysosome")
    (folder / "organelle.yaml").write_text(text)
    with pytest.raises(ModelError, match=match) as refused:
        check_files(folder)
    assert "\n" not in str(refused.value)


def test_an_organelle_outside_the_package(package, tmp_path):
    folder, _ = package
    name_organelle(folder, "lysosome")
    write_organelle(new_organelle("lysosome"), tmp_path).rename(tmp_path / "secret")
    (folder / "organelle.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match="lies outside"):
        check_files(folder)
