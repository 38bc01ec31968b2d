"""Weights that are not in git: published under their sha256, fetched where a package lacks them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from asem_core.errors import ModelError

from ...scripts import load_script

WEIGHTS = bytes(600_000)
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def weights(root: Path) -> ModuleType:
    return load_script(root / "tools" / "weights.py")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one package, of which git has everything but the weights."""
    package = tmp_path / "clone/plugins/organelles/er/asem_organelle_er/models/er_10nm"
    package.mkdir(parents=True)
    onnx, made = {"source": "weights.onnx", "sha256": SHA256}, {"source": "weights_state_dict.pt", "sha256": "0" * 64}
    rdf = {"type": "model", "weights": {"onnx": onnx, "pytorch_state_dict": made}}
    (package / "rdf.yaml").write_text(yaml.safe_dump(rdf))
    return tmp_path / "clone"


@pytest.fixture
def place(tmp_path: Path, weights: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands in for a server, filled from a clone that has the weights."""
    maker = shutil.copytree(clone, tmp_path / "maker")
    weights_of(maker).write_bytes(WEIGHTS)
    assert weights.publish(maker, tmp_path / "place") == [tmp_path / "place" / SHA256]
    assert weights.publish(maker, tmp_path / "place") == []
    monkeypatch.setenv("ASEM_WEIGHTS", str(tmp_path / "place"))
    return tmp_path / "place"


def weights_of(clone: Path) -> Path:
    return clone / "plugins/organelles/er/asem_organelle_er/models/er_10nm/weights.onnx"


def test_what_was_published_is_fetched_once(weights: ModuleType, clone: Path, place: Path) -> None:
    assert weights.fetch(clone) == [weights_of(clone)]
    assert weights_of(clone).read_bytes() == WEIGHTS
    assert weights.fetch(clone) == []


def test_other_bytes_are_not_taken(weights: ModuleType, clone: Path, place: Path) -> None:
    (place / SHA256).write_bytes(b"other")
    with pytest.raises(ModelError, match="expected sha256"):
        weights.fetch(clone)
    assert not weights_of(clone).exists()


def test_a_changed_file_is_not_published(weights: ModuleType, clone: Path, tmp_path: Path) -> None:
    weights_of(clone).write_bytes(WEIGHTS + b"1")
    with pytest.raises(ModelError, match="write the package again"):
        weights.publish(clone, tmp_path / "elsewhere")


def test_without_a_place_the_remedy_is_said(weights: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASEM_WEIGHTS", raising=False)
    with pytest.raises(ModelError, match="set ASEM_WEIGHTS"):
        weights.fetch(clone)


def test_the_repository_is_whole(weights: ModuleType, root: Path) -> None:
    missing = [path for path, _ in weights.stated(root) if not path.exists()]
    assert len(list(weights.stated(root))) > 20
    assert not missing
