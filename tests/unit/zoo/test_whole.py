"""Packages that leave their PyTorch weights out, as those of the repository do."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml

from asem_core.errors import ModelError
from asem_core.zoo.files import ONNX_NAME, STATE_DICT_NAME, file_sha256
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.rdf import read_description
from asem_core.zoo.validate import problems
from asem_core.zoo.whole import whole
from asem_core.zoo.write.state_dict import state_dict_bytes


@pytest.fixture
def short(root: Path, tmp_path: Path) -> Path:
    model = root / "plugins/organelles/er/asem_organelle_er/models/er_10nm"
    ignored = shutil.ignore_patterns("__pycache__", STATE_DICT_NAME)
    return Path(shutil.copytree(model, tmp_path / "short", ignore=ignored))


def test_the_graphs_of_the_repository_give_the_files_that_are_stated(root: Path) -> None:
    packages = [path.parent for path in root.glob("plugins/organelles/*/*/models/*/rdf.yaml")]
    assert len(packages) >= 7
    for folder in packages:
        made = hashlib.sha256(state_dict_bytes(folder / ONNX_NAME)).hexdigest()
        assert made == read_description(folder)["weights"]["pytorch_state_dict"]["sha256"], folder


def test_a_short_package_is_sound_and_completed_elsewhere(short: Path) -> None:
    before = sorted(path.name for path in short.iterdir())
    assert problems(short) == ()
    with whole(short) as package:
        assert sorted(path.name for path in package.iterdir()) == sorted([*before, STATE_DICT_NAME])
        stated = read_description(short)["weights"]["pytorch_state_dict"]["sha256"]
        assert file_sha256(package / STATE_DICT_NAME) == stated
        with whole(package) as again:
            assert again == package
    assert not package.exists()
    assert sorted(path.name for path in short.iterdir()) == before


def test_a_graph_that_gives_another_file_is_refused(short: Path) -> None:
    values = read_description(short)
    values["weights"]["pytorch_state_dict"]["sha256"] = "0" * 64
    (short / "rdf.yaml").write_text(yaml.safe_dump(values))
    for check in (check_description, lambda folder: whole(folder).__enter__()):
        with pytest.raises(ModelError, match=r"state_dict\.pt is missing, and what weights\.onnx gives has"):
            check(short)


def test_weights_that_are_there_are_looked_at(short: Path) -> None:
    (short / STATE_DICT_NAME).write_bytes(b"other")
    with pytest.raises(ModelError, match=r"sha256 of .*weights_state_dict\.pt is"):
        check_description(short)


def test_a_link_is_not_written_through(short: Path, tmp_path: Path) -> None:
    (short / STATE_DICT_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match=f"{STATE_DICT_NAME}' lies outside"):
        check_description(short)
    assert not (tmp_path / "elsewhere").exists()


def test_of_packages_from_elsewhere_nothing_may_be_missing(short: Path) -> None:
    (short / "model.json").unlink()
    with pytest.raises(ModelError, match=r"weights_state_dict\.pt is missing: get the package again"):
        check_description(short)
