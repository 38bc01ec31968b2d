"""What a served zoo gives: models by id and version, and nothing else of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from asem_core.errors import ModelError, OutputError
from asem_core.zoo.site.push import push
from asem_core.zoo.site.serve import file_of, serve

from ...light_package import light_package

ID = "toy-10nm"


@pytest.fixture(scope="module")
def zoo(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    compact = root / "plugins/organelles/mito/asem_organelle_mito/models/mito_compact_10nm"
    for version in ("1.9.0", "1.10.0"):
        push(light_package(compact, folder / version, id=ID, version=version), folder / "zoo")
    (folder / "secret.txt").touch()
    (folder / "zoo/models/stray.zip").touch()
    (folder / "zoo/models" / f"{ID}@1.9.0" / "link.txt").symlink_to(folder / "secret.txt")
    return folder / "zoo"


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("", "index.html"),
        (f"model-{ID}@1.9.0.html", f"model-{ID}@1.9.0.html"),
        ("collection.json", "collection.json"),
        (f"models/{ID}.zip", f"models/{ID}@1.10.0.zip"),
        (f"models/{ID}/rdf.yaml", f"models/{ID}@1.10.0/rdf.yaml"),
        (f"models/{ID}@1.9.0.zip", f"models/{ID}@1.9.0.zip"),
        (f"models/{ID}@1.9.0/weights.onnx", f"models/{ID}@1.9.0/weights.onnx"),
    ],
)
def test_what_is_given(zoo: Path, path: str, file: str) -> None:
    assert file_of(zoo, path) == zoo / file


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt", f"models/{ID}/../../../secret.txt", f"models/{ID}@1.9.0/link.txt", "models/stray.zip",
        "models", "models/", f"models/{ID}", f"models/{ID}/", f"models/{ID}@2.0.0.zip", f"models/{ID}/none",
        ".collection.json.lock", "models/../collection.json", "//etc/passwd",
    ],
)  # fmt: skip
def test_what_is_not(zoo: Path, path: str) -> None:
    (zoo / ".collection.json.lock").touch()
    assert file_of(zoo, path) is None


def test_a_folder_that_is_no_zoo(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no zoo: make one with `asem zoo push`"):
        serve(tmp_path, host="127.0.0.1", port=0, started=print)


def test_a_host_that_is_not_this_machine(zoo: Path) -> None:
    with pytest.raises(OutputError, match=r"192.0.2.1:0 cannot be listened at: .*; give another --port or --host"):
        serve(zoo, host="192.0.2.1", port=0, started=print)
