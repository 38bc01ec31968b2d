"""The checks of a release, on wheels made for the purpose, and the index that pip reads."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from ...scripts import load_script

METADATA = "Metadata-Version: 2.1\nName: asem-toy\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def release(root: Path) -> ModuleType:
    return load_script(root / "tools" / "release.py")


def toy_wheel(folder: Path, **more: bytes) -> Path:
    """A wheel of the distribution ``asem-toy``; keys of ``more`` are names in which ``__`` stands for a slash."""
    path = folder / "asem_toy-1.0-py3-none-any.whl"
    files = {
        "asem_toy/__init__.py": b"",
        "asem_toy-1.0.dist-info/METADATA": METADATA.encode(),
        "asem_toy-1.0.dist-info/WHEEL": WHEEL.encode(),
        "asem_toy-1.0.dist-info/RECORD": b"",
        **{name.replace("__", "/"): content for name, content in more.items()},
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_good_wheel_has_nothing_to_complain_of(release: ModuleType, tmp_path: Path) -> None:
    weights = {"onnx": {"source": "w.onnx"}, "pytorch_state_dict": {"source": "weights_state_dict.pt"}}
    rdf = yaml.safe_dump({"type": "model", "weights": weights}).encode()
    wheel = toy_wheel(tmp_path, **{"asem_toy__m__rdf.yaml": rdf, "asem_toy__m__w.onnx": bytes(200_000),
                                "asem_toy__template__tests__test_x.py.jinja": b""})  # fmt: skip
    assert list(release.complaints(wheel)) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"asem_other__x.py": b""}, "outside of asem_toy"),
        ({"asem_toy__tests__test_x.py": b""}, "belongs into no wheel"),
        ({"asem_toy__a.onnx": bytes(200_000), "asem_toy__b.onnx": bytes(200_000)}, "a large file twice"),
        ({"asem_toy__m__weights_state_dict.pt": b""}, "the weights a second time"),
        ({"asem_toy__m__rdf.yaml": b"{type: model, weights: {onnx: {source: w.onnx}}}"}, "lacks w.onnx"),
    ],
)
def test_a_bad_wheel_is_refused(release: ModuleType, tmp_path: Path, more: dict[str, bytes], said: str) -> None:
    (complaint,) = release.complaints(toy_wheel(tmp_path, **more))
    assert said in complaint


def test_pip_finds_a_distribution_in_the_index_by_name(release: ModuleType, tmp_path: Path) -> None:
    wheel = toy_wheel(tmp_path)
    index = release.write_index(tmp_path)
    page = (index / "asem-toy" / "index.html").read_text(encoding="utf-8")
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in page
    pip = (sys.executable, "-m", "pip", "--isolated", "download", "--no-deps", "--dest", tmp_path / "got")
    subprocess.run([*pip, "--index-url", index.as_uri(), "asem-toy"], check=True, capture_output=True)
    assert (tmp_path / "got" / wheel.name).read_bytes() == wheel.read_bytes()
