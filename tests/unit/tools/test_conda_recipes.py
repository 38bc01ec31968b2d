"""Conda recipes, from the metadata of an sdist."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import yaml

from ...scripts import load_script

PKG_INFO = """\
Metadata-Version: 2.4
Name: asem-toy
Version: 1.0
Summary: A toy
License-Expression: BSD-3-Clause
Requires-Python: >=3.11
Requires-Dist: asem-core
Requires-Dist: numpy>=1.26
Requires-Dist: onnxruntime-gpu>=1.26; sys_platform == "linux"
Requires-Dist: onnxruntime>=1.26; sys_platform != "linux"
Requires-Dist: universal-pathlib>=0.3
Requires-Dist: torch>=2.5; extra == "train"
"""


def test_recipe(root: Path, tmp_path: Path) -> None:
    sdist = tmp_path / "asem_toy-1.0.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        info = tarfile.TarInfo("asem_toy-1.0/PKG-INFO")
        info.size = len(PKG_INFO)
        archive.addfile(info, io.BytesIO(PKG_INFO.encode()))
    (path,) = load_script(root / "tools" / "conda_recipes.py").write_recipes(tmp_path)
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert recipe["schema_version"] == 1
    assert recipe["package"] == {"name": "asem-toy", "version": "1.0"}
    assert recipe["source"]["sha256"] == hashlib.sha256(sdist.read_bytes()).hexdigest()
    assert recipe["requirements"]["run"] == [
        "python >=3.11", "asem-core ==1.0", "numpy >=1.26", "onnxruntime >=1.26", "universal_pathlib >=0.3",
    ]  # fmt: skip
    assert recipe["tests"] == [{"python": {"imports": ["asem_toy"]}}]
