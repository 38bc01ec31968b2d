"""Somebody who has read one page, and no source, publishes a plugin: docs/publish-a-plugin.md, typed as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from asem_core import open_labels

from .test_wheels import dist as dist

pytestmark = pytest.mark.slow

COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
WHERE = """
import asem_core, asem_organelle_lysosome
print(asem_core.__file__, asem_organelle_lysosome.__file__)
"""


def link_libraries(folder: Path) -> None:
    """All that is installed here but for ASEM, as links: what a package index would bring."""
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "asem" not in path.name.lower() and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)


def run(*command: object, folder: Path, env: dict[str, str]) -> str:
    found = subprocess.run(
        [str(part) for part in command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, f"{found.stdout}\n{found.stderr}"
    return found.stdout


def test_the_way_from_nothing_to_a_report(root: Path, dist: Path, tmp_path: Path) -> None:
    """Wheels of ASEM are those of this repository; its source is on no path."""
    pytest.importorskip("torch", reason="a model is trained: pip install 'asem-core[train]'")
    if shutil.which("perl") is None:
        pytest.skip("the page edits the card with perl")
    libraries, author, home = (tmp_path / name for name in ("libraries", "author", "home"))
    libraries.mkdir()
    home.mkdir()
    link_libraries(libraries)
    run(sys.executable, "-m", "venv", author, folder=tmp_path, env=dict(os.environ))
    env = {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(author / "bin"), os.defpath]),
        "PYTHONPATH": str(libraries),
        "OMP_NUM_THREADS": "1",
        "PIP_FIND_LINKS": str(dist),
        "PIP_NO_COMPILE": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # as pip has it: not isolated
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    page = (root / "docs" / "publish-a-plugin.md").read_text(encoding="utf-8")
    told = run("sh", "-c", "\n".join(["set -eu", *COMMANDS.findall(page)]), folder=home, env=env)
    for line in ("passed  plugin: hooks and specs", "passed  model 'lysosome-10nm': bioimage.io's test"):
        assert line in told
    assert "passed  wheel asem_organelle_lysosome-0.1.0-py3-none-any.whl: models inside" in told
    found = open_labels(home / "lysosome.zarr", "lysosome")
    assert found.shape == open_labels(home / "data/other.zarr", "mito").shape
    assert (home / "measured/report.html").stat().st_size > 10_000
    where = run(home / "fresh/bin/python", "-c", WHERE, folder=home, env=env).split()
    assert all(Path(file).is_relative_to(home / "fresh") for file in where)
