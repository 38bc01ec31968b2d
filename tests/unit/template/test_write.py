"""A repository for a plugin is rendered: whole, as valid as what is typed by hand, and into no folder that exists."""

from __future__ import annotations

import ast
import importlib
import tomllib
from pathlib import Path

import importlib_metadata
import pytest
import yaml
from click.testing import CliRunner
from packaging.specifiers import SpecifierSet

from asem_core.cli.plugins import plugins
from asem_core.errors import OutputError, PluginError
from asem_core.template import KINDS, new_plugin
from asem_core.testing import stage_checks
from asem_core.training.recipe import load_recipe
from asem_core.zoo.write.card import load_card

COMMON = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    ".gitignore",
    ".github/workflows/test.yml",
    "tests/test_contract.py",
}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(tmp_path: Path, kind: str) -> None:
    folder = new_plugin(kind, "two-words", folder=tmp_path / "made")
    package = f"asem_{kind}_two_words"
    assert files(folder) >= COMMON | {f"{package}/__init__.py", f"{package}/plugin.py", f"{package}/py.typed"}
    for path in files(folder):
        text = (folder / path).read_text()
        assert "PACKAGE" not in path
        assert "{{" not in text.replace("${{ matrix.python }}", "")
        if path.endswith(".py"):
            ast.parse(text)
        if path.endswith((".yaml", ".yml")):
            assert yaml.safe_load(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == f"asem-{kind}-two-words"
    assert list(project["entry-points"]["asem"].values()) == [f"{package}.plugin"]


@pytest.mark.parametrize(
    ("version", "needed"),
    [("0.3.1", "asem-core>=0.3,<0.4"), ("0.3.0.dev603+g1cbd9a9", "asem-core>=0.3.dev0,<0.4")],
)
def test_it_needs_the_version_of_core_that_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, needed: str
) -> None:
    """To pip a version on the way to a release is none of that release's."""
    monkeypatch.setattr(importlib_metadata, "version", lambda _: version)
    folder = new_plugin("reader", "toy", folder=tmp_path / "made")
    (dependency,) = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"]
    assert dependency == needed
    assert SpecifierSet(dependency.removeprefix("asem-core")).contains(version, prereleases=True)


def test_recipe_and_card_of_an_organelle_can_be_read(tmp_path: Path) -> None:
    package = new_plugin("organelle", "lysosome", folder=tmp_path / "made") / "asem_organelle_lysosome"
    assert load_recipe(package / "lysosome_10nm.yaml").organelle == "lysosome"
    assert load_card(package / "lysosome_10nm.card.yaml").title == "ASEM lysosome 10 nm"


def test_the_preprocessor_takes_volumes_of_every_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(new_plugin("preprocessor", "every-type", folder=tmp_path / "made"))
    plugin = importlib.import_module("asem_preprocessor_every_type.plugin")
    findings = [check.perform() for check in stage_checks(plugin.asem_register_preprocessors()[0])]
    assert [str(finding) for finding in findings if finding.state != "passed"] == []


@pytest.mark.parametrize("name", ["Lysosome", "2cells", "a--b", "a_b", "", "../x", "a b"])
def test_what_cannot_be_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(PluginError, match="small letters"):
        new_plugin("organelle", name, folder=tmp_path / "made")


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(OutputError, match="exists already"):
        new_plugin("reader", "czi", folder=tmp_path)
    assert files(tmp_path) == {"mine.txt"}


def test_the_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(plugins, ["new", "analysis", "tortuosity"])
    assert found.exit_code == 0, found.output
    assert found.output.startswith("asem-analysis-tortuosity: pip install -e")
    assert found.output.endswith("asem plugins check analysis-tortuosity\n")
    assert (tmp_path / "asem-analysis-tortuosity" / "asem_analysis_tortuosity" / "measure.py").is_file()
