"""The store of pulled and imported models, and how `asem segment --model` finds them."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import attrs
import pytest
import yaml

from asem_core.errors import ModelError, OutputError
from asem_core.models.own import open_own
from asem_core.specs import OrganelleSpec, StageRef
from asem_core.volume.output import held
from asem_core.zoo.files import file_sha256
from asem_core.zoo.find import Listed, choose_model, model_named
from asem_core.zoo.manifest import file_digests, read_manifest
from asem_core.zoo.organelle import carried_organelle, write_organelle
from asem_core.zoo.site.build import build_site
from asem_core.zoo.site.pull import pull
from asem_core.zoo.store import install_package, stored_models
from asem_core.zoo.store import model_store as store_path

from ...contracts.toys import plugin, registry_of
from ...light_package import light_package

MITO = OrganelleSpec(
    name="mito", title="Mitochondria", exclusion_zone=StageRef(name="shell", params={"dilate": 4, "erode": 4})
)


@pytest.fixture
def package(root):
    return root / "plugins/organelles/mito/asem_organelle_mito/models/mito_10nm"


@pytest.fixture
def light(root, tmp_path):
    """Makes packages with a graph that does nothing."""
    compact = root / "plugins/organelles/mito/asem_organelle_mito/models/mito_compact_10nm"
    return lambda **values: light_package(compact, tmp_path / f"light{len(list(tmp_path.iterdir()))}", **values)


@pytest.fixture
def renamed(package, tmp_path):
    """The package under another id."""

    def copy(model_id):
        folder = tmp_path / "renamed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(package, folder)
        values = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**values, "id": model_id}))
        rdf = yaml.safe_load((folder / "rdf.yaml").read_text())
        # model.json is no longer the one that it states
        rdf["attachments"] = [file for file in rdf["attachments"] if file["source"] != "model.json"]
        (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf))
        return folder

    return copy


def pull_from(package, folder):
    """Pull the model from a site that holds just it."""
    site = folder / "site"
    build_site(site, [Listed(organelle="mito", spec=read_manifest(package), distribution=None)])
    return pull("mito-10nm", str(site))


def attach(folder, name):
    """State the file ``name`` in the description."""
    rdf = yaml.safe_load((folder / "rdf.yaml").read_text())
    rdf["attachments"].append({"source": name, "sha256": file_sha256(folder / name)})
    (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf))


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    return path


def test_place(monkeypatch, tmp_path, model_store):
    assert store_path() == model_store
    monkeypatch.delenv("ASEM_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert store_path().parts[-2:] == ("asem", "models")


def test_empty_store():
    assert stored_models() == ()
    with pytest.raises(ModelError, match=r"no default model.*zoo pull"):
        choose_model(MITO, None)


@pytest.mark.parametrize("packed", [False, True])
def test_installed_model_is_found(package, tmp_path, model_store, registry, packed):
    spec = install_package(zipped(package, tmp_path / "m.zip") if packed else package)
    assert [path.name for path in model_store.iterdir()] == ["mito-10nm"]
    assert spec == attrs.evolve(read_manifest(package), package=str(model_store / "mito-10nm"))
    assert stored_models() == (("mito", spec),)
    assert open_own(choose_model(MITO, "mito-10nm"), registry=registry).onnx == model_store / "mito-10nm/weights.onnx"
    with pytest.raises(ModelError, match=r"no default model.*mito-10nm"):
        choose_model(MITO, None)
    assert choose_model(MITO, f"mito-10nm@{spec.version}") == choose_model(MITO, "mito-10nm")
    with pytest.raises(ModelError, match=rf"unknown model 'mito-10nm@9.9.9'.*there are: mito-10nm@{spec.version}"):
        choose_model(MITO, "mito-10nm@9.9.9")
    with pytest.raises(ModelError, match="unknown model"):
        choose_model(attrs.evolve(MITO, name="er"), "mito-10nm")


@pytest.mark.parametrize(
    ("name", "content"),
    [("weights.onnx", b"damaged"), ("weights.onnx", None), ("model.json", b"{")],
)
def test_a_damaged_stored_model_is_replaced(light, caplog, name, content):
    package = light()
    stored = Path(install_package(package).package)
    install_package(package)
    assert not caplog.text
    (stored / name).unlink() if content is None else (stored / name).write_bytes(content)
    install_package(package)
    assert file_digests(stored) == file_digests(package)
    assert f"{stored} was damaged ({name}): it is replaced" in caplog.text


def test_a_description_that_cannot_be_read_is_replaced_when_asked(light):
    package = light()
    stored = Path(install_package(package).package)
    (stored / "rdf.yaml").write_text("{")
    with pytest.raises(ModelError, match=r"rdf\.yaml.*; use --overwrite"):
        install_package(package)
    install_package(package, overwrite=True)
    assert file_digests(stored) == file_digests(package)


def test_the_same_weights_with_another_threshold(light):
    first, second = light(), light()
    for folder, threshold in ((first, 0.5), (second, 0.4)):
        write_organelle(attrs.evolve(MITO, threshold=threshold), folder)
        attach(folder, "organelle.yaml")
    spec = install_package(first)
    with pytest.raises(ModelError, match=r"differs from this .* in organelle\.yaml, rdf\.yaml: use --overwrite"):
        install_package(second)
    assert carried_organelle(Path(spec.package)).threshold == 0.5
    install_package(second, overwrite=True)
    assert carried_organelle(Path(spec.package)).threshold == 0.4


def test_an_earlier_version_that_a_plugin_keeps_is_found_by_its_version(package, tmp_path, registry, monkeypatch):
    current, earlier = tmp_path / "models/mito_10nm", tmp_path / "models/earlier/mito-10nm@0.9.0"
    for folder, version in ((current, "1.0.0"), (earlier, "0.9.0")):
        shutil.copytree(package, folder)
        values = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**values, "version": version}))
    organelle = attrs.evolve(MITO, models=(read_manifest(current),))
    asked = ("mito-10nm", "mito-10nm@1.0.0", "mito-10nm@0.9.0")
    assert [choose_model(organelle, name).version for name in asked] == ["1.0.0", "1.0.0", "0.9.0"]
    assert open_own(choose_model(organelle, "mito-10nm@0.9.0"), registry=registry).onnx == earlier / "weights.onnx"
    with pytest.raises(ModelError, match=r"unknown model 'mito-10nm@0\.8\.0'.*there are: mito-10nm@1\.0\.0$"):
        choose_model(organelle, "mito-10nm@0.8.0")
    listed = Listed(organelle="mito", spec=read_manifest(current), distribution="asem-organelle-mito")
    monkeypatch.setattr("asem_core.zoo.find.all_models", lambda registry: (listed,))
    assert model_named("mito-10nm@0.9.0", registry=registry).folder == earlier
    with pytest.raises(ModelError, match=r"no version 0\.8\.0"):
        model_named("mito-10nm@0.8.0", registry=registry)


def test_same_weights_again_and_other_weights(package, renamed, model_store):
    version = read_manifest(package).version
    older = renamed("mito-10nm")
    manifest = older / "model.json"
    manifest.write_text(manifest.read_text().replace(f'"version": "{version}"', '"version": "0.9.0"'))
    install_package(older)
    install_package(older)
    differs = rf"mito-10nm 0\.9\.0, which differs from this {re.escape(version)} in .*model\.json.*--overwrite"
    with pytest.raises(ModelError, match=differs):
        install_package(package)
    assert install_package(package, overwrite=True).version == version
    assert [path.name for path in model_store.iterdir()] == ["mito-10nm"]


def test_only_a_package_of_ours_is_replaced(light):
    package = light()
    stored = Path(install_package(package).package)
    notes, weights = (stored / name for name in ("notes.txt", "weights.onnx"))
    notes.write_bytes(b"mine")
    weights.write_bytes(b"damaged")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="not only, a model package that ASEM wrote"):
            install_package(package, overwrite=overwrite)
    assert notes.read_bytes() == b"mine"
    notes.unlink()
    install_package(package, overwrite=True)
    assert weights.read_bytes() == (package / "weights.onnx").read_bytes()


def test_one_model_is_written_by_one_process_at_a_time(package, model_store):
    with held(model_store / "mito-10nm"), pytest.raises(OutputError, match="is being written by another process"):
        install_package(package)
    assert not model_store.exists()
    with (
        held(model_store / ".downloads" / "mito-10nm.zip"),
        pytest.raises(OutputError, match="is being written by another process"),
    ):
        pull_from(package, model_store.parent)


def test_plugin_and_store_may_not_disagree(light):
    stored = install_package(light(id="mito-10nm"))
    brought = attrs.evolve(stored, package="asem_organelle_mito:models/mito_10nm")
    assert choose_model(attrs.evolve(MITO, models=(brought,)), "mito-10nm") == brought
    other = attrs.evolve(brought, sha256="0" * 64)
    disagreeing = attrs.evolve(MITO, models=(other,))
    said = rf"different models 'mito-10nm', .* in asem_organelle_mito:models/mito_10nm and .* in {stored.package}"
    with pytest.raises(ModelError, match=said):
        choose_model(disagreeing, "mito-10nm")
    registry = registry_of(mito=plugin(asem_register_organelles=lambda: [disagreeing]))
    with pytest.raises(ModelError, match=said):
        model_named("mito-10nm", registry=registry)


@pytest.mark.parametrize("model_id", ["..", ".hidden", "-x", "a" * 101, "ünï"])
def test_id_that_is_no_folder_name(renamed, model_store, model_id):
    with pytest.raises(ModelError, match=r"must be letters, digits|id must be a word"):
        install_package(renamed(model_id))
    assert list(model_store.iterdir()) == []


def test_damaged_package_leaves_nothing(renamed, model_store):
    folder = renamed("mito-x")
    (folder / "weights.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match="sha256"):
        install_package(folder)
    assert list(model_store.iterdir()) == []


def test_broken_stored_model_is_left_out(package, renamed, model_store):
    install_package(package)
    install_package(renamed("mito-other"))
    (model_store / "mito-other/model.json").write_text("{}")
    with pytest.warns(UserWarning, match="'mito-other' is left out"):
        found = stored_models()
    assert [spec.id for _, spec in found] == ["mito-10nm"]


def test_a_truncated_graph_has_no_known_size(light):
    stored = Listed(organelle="mito", spec=install_package(light()), distribution=None)
    assert stored.weights == 0
    (stored.folder / "weights.onnx").write_bytes((stored.folder / "weights.onnx").read_bytes()[:50])
    assert stored.weights is None


def test_package_of_nothing_known(renamed):
    folder = renamed("mito-x")
    rdf = yaml.safe_load((folder / "rdf.yaml").read_text())
    del rdf["config"]
    (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf))
    with pytest.raises(ModelError, match="does not name an organelle"):
        install_package(folder)
