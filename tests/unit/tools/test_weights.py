"""Weights that are not in git's history: published under their sha256, fetched where a package lacks them."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from asem_core.errors import ModelError

from ...scripts import load_script

PACKAGE = Path("plugins/organelles/er/asem_organelle_er/models/er_10nm")
SIZE = 1_000_000
BEFORE = "d254bae72"
"""The last commit before decision 63."""
MOST_GROWTH = 60_000_000
"""Bytes by which a clone may grow from then on."""


@pytest.fixture(autouse=True)
def _as_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NAME": "Somebody", "EMAIL": "somebody@example.org"}.items():
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)


@pytest.fixture
def weights(root: Path) -> ModuleType:
    return load_script(root / "tools" / "weights.py")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch", "main", "origin")
    return tmp_path / "origin"


@pytest.fixture
def maker(root: Path, tmp_path: Path, origin: Path) -> Path:
    """A clone in which a model was trained, with what this repository tells git to ignore."""
    folder = clone_of(origin, tmp_path / "maker")
    shutil.copy(root / ".gitignore", folder)
    train(folder, seed=0)
    return folder


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


def clone_of(origin: Path, folder: Path) -> Path:
    git(origin, "clone", "--quiet", origin.as_uri(), str(folder))
    return folder


def made(seed: int) -> bytes:
    return random.Random(seed).randbytes(SIZE)


def train(folder: Path, *, seed: int) -> None:
    """A model package, committed and pushed: all that git takes of it."""
    (folder / PACKAGE).mkdir(parents=True, exist_ok=True)
    (folder / PACKAGE / "weights.onnx").write_bytes(made(seed))
    onnx = {"source": "weights.onnx", "sha256": hashlib.sha256(made(seed)).hexdigest()}
    written = {"source": "weights_state_dict.pt", "sha256": "0" * 64}
    rdf = {"type": "model", "weights": {"onnx": onnx, "pytorch_state_dict": written}}
    (folder / PACKAGE / "rdf.yaml").write_text(yaml.safe_dump(rdf))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", f"er-10nm, {seed}")
    git(folder, "push", "--quiet", "origin", "HEAD:main")


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_clone_does_not_grow_by_retraining_and_gets_what_it_needs(
    weights: ModuleType, maker: Path, origin: Path, tmp_path: Path
) -> None:
    weights.publish(maker, "git+origin")
    once = size_of(clone_of(origin, tmp_path / "once") / ".git")
    for seed in range(1, 6):
        train(maker, seed=seed)
        assert weights.publish(maker, "git+origin") == [maker / PACKAGE / "weights.onnx"]
        assert weights.publish(maker, "git+origin") == []
    clone = clone_of(origin, tmp_path / "clone")
    assert size_of(clone / ".git") - once < SIZE / 20
    assert weights.fetch(clone, "git+origin") == [clone / PACKAGE / "weights.onnx"]
    assert (clone / PACKAGE / "weights.onnx").read_bytes() == made(5)
    assert weights.fetch(clone, "git+origin") == []
    assert size_of(clone / ".git") - once < 1.1 * SIZE
    git(clone, "checkout", "--quiet", "HEAD~3")
    (clone / PACKAGE / "weights.onnx").unlink()
    weights.fetch(clone, f"git+{origin.as_uri()}")
    assert (clone / PACKAGE / "weights.onnx").read_bytes() == made(2)


def test_a_folder_is_a_place_too(weights: ModuleType, maker: Path, origin: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    assert weights.publish(maker, str(place)) == [maker / PACKAGE / "weights.onnx"]
    assert weights.publish(maker, str(place)) == []
    clone = clone_of(origin, tmp_path / "clone")
    weights.fetch(clone, f"{place}/")
    assert (clone / PACKAGE / "weights.onnx").read_bytes() == made(0)
    (clone / PACKAGE / "weights.onnx").unlink()
    next(place.iterdir()).write_bytes(b"other")
    with pytest.raises(ModelError, match="expected sha256"):
        weights.fetch(clone, str(place))
    assert not (clone / PACKAGE / "weights.onnx").exists()


def test_what_git_has_is_not_published(weights: ModuleType, maker: Path) -> None:
    git(maker, "add", "--force", str(PACKAGE / "weights.onnx"))
    assert weights.publish(maker, "git+origin") == []


def test_a_changed_file_is_not_published(weights: ModuleType, maker: Path, tmp_path: Path) -> None:
    (maker / PACKAGE / "weights.onnx").write_bytes(made(7))
    for place in ("git+origin", str(tmp_path / "elsewhere")):
        with pytest.raises(ModelError, match="write the package again"):
            weights.publish(maker, place)


def test_where_the_weights_are_not_the_remedy_is_said(
    weights: ModuleType, maker: Path, origin: Path, tmp_path: Path
) -> None:
    clone = clone_of(origin, tmp_path / "clone")
    with pytest.raises(ModelError, match=r"weights.onnx is missing, and git remote origin.*set ASEM_WEIGHTS"):
        weights.fetch(clone, "git+origin")


def test_the_history_of_this_repository_does_not_grow_by_weights(root: Path) -> None:
    """Of all that was committed since decision 63, as git stores it."""
    listed = subprocess.run(
        ["git", "-C", str(root), "rev-list", "--objects", f"{BEFORE}..HEAD"], capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("no git, or not its whole history")
    told = subprocess.run(
        ["git", "-C", str(root), "cat-file", "--batch-check=%(objectsize:disk) %(rest)"],
        input=listed.stdout, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    sizes = [(int(size), path) for size, _, path in (line.partition(" ") for line in told.splitlines())]
    assert sum(size for size, _ in sizes) < MOST_GROWTH, f"the largest: {sorted(sizes)[-5:]}; see docs/releasing.md"


def test_the_repository_is_whole(weights: ModuleType, root: Path) -> None:
    missing = [path for path, _ in weights.stated(root) if not path.exists()]
    assert len(list(weights.stated(root))) > 20
    assert not missing
