"""Which organelle is meant: by name, by file, or by what a model's package says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from asem_core import Registry
from asem_core.errors import AsemError, ModelError, PluginError
from asem_core.models.find import choose_organelle
from asem_core.organelles import new_organelle
from asem_core.zoo.find import package_of
from asem_core.zoo.manifest import write_manifest
from asem_core.zoo.organelle import write_organelle

from ...box_model import write_box_model
from ...contracts.toys import plugin, registry_of


def package(folder: Path, organelle: str) -> Path:
    """As much of a package as says what its model finds."""
    folder.mkdir()
    description = {"type": "model", "config": {"asem": {"organelle": organelle}}}
    (folder / "rdf.yaml").write_text(yaml.safe_dump(description))
    return folder


def test_a_package_carries_its_organelle(tmp_path: Path, registry: Registry) -> None:
    folder = package(tmp_path / "model", "lysosome")
    with pytest.raises(PluginError, match=r"unknown organelle 'lysosome'.*asem organelles new lysosome"):
        choose_organelle(None, model=folder, registry=registry)
    write_organelle(new_organelle("lysosome"), folder)
    assert choose_organelle(None, model=folder, registry=registry) == new_organelle("lysosome")


def test_what_is_asked_for_counts(tmp_path: Path) -> None:
    folder = package(tmp_path / "model", "er")
    registry = registry_of(er=plugin("er"))
    er = registry.organelles["er"]
    assert choose_organelle(None, model=folder, registry=registry) == er, "the installed one of the stated name"
    write_organelle(new_organelle("er"), folder)
    assert choose_organelle("er", model=folder, registry=registry) == er
    assert choose_organelle(None, model=folder, registry=registry).title == "Er"


def test_the_model_of_a_plugin_finds_the_plugins_organelle(toy: Any) -> None:
    registry = registry_of(toy=plugin(asem_register_organelles=lambda: [toy.organelle]))
    assert choose_organelle(None, model="toy-10nm", registry=registry) == toy.organelle


def test_a_folder_here_does_not_stand_for_a_stored_model(
    tmp_path: Path, toy: Any, model_store: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_store.mkdir()
    monkeypatch.chdir(tmp_path)
    for folder, title in ((model_store / "toy-10nm", "Stored"), (tmp_path / "toy-10nm", "Here")):
        package(folder, "lysosome")
        write_organelle(attrs.evolve(new_organelle("lysosome"), title=title), folder)
        write_manifest(toy.organelle.models[0], folder)
    titles = [choose_organelle(None, model=name, registry=registry).title for name in ("toy-10nm", "./toy-10nm")]
    assert titles == ["Stored", "Here"]
    with package_of("toy-10nm", registry=registry) as found:
        assert found == model_store / "toy-10nm"
    for name in ("./toy-10nm", Path("toy-10nm")):
        with package_of(name, registry=registry) as found:
            assert found == tmp_path / "toy-10nm"
    with (
        pytest.raises(ModelError, match=r"missing: there is no such folder or zip"),
        package_of("./missing", registry=registry),
    ):
        pass


def test_where_nobody_says(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(
        AsemError, match=r"which organelle\? give --organelle NAME .* --organelle FILE\.yaml .* or --model"
    ):
        choose_organelle(None, model=None, registry=registry)
    elsewhere = write_box_model(tmp_path / "box")
    with pytest.raises(
        ModelError, match=r"box does not say which organelle it finds: give --organelle NAME or FILE\.yaml"
    ):
        choose_organelle(None, model=elsewhere, registry=registry)
