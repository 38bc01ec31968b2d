"""The stranger's way: a plugin is rendered, built, installed in an environment of its own beside core, and checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asem_core.template import KINDS, new_plugin

pytestmark = pytest.mark.slow

BUILD = (
    "import os, sys; os.chdir(sys.argv[1]); from hatchling.build import build_wheel; print(build_wheel(sys.argv[2]))"
)


def run(*command: object, **how: object) -> str:
    found = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **how)  # type: ignore[call-overload]
    assert found.returncode == 0, f"{command}\n{found.stdout}\n{found.stderr}"
    return str(found.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rendered_plugin_passes_its_own_tests(kind: str, root: Path, tmp_path: Path) -> None:
    """Core and what it needs are those of this environment; the plugin's wheel lies in another one."""
    folder = new_plugin(kind, "toy", folder=tmp_path / "repository")
    wheel = tmp_path / run(sys.executable, "-c", BUILD, folder, tmp_path).split()[-1]
    site = tmp_path / "environment"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", site, wheel)
    found = {"PYTHONPATH": os.pathsep.join([str(site), str(root), *filter(None, sys.path)])}
    told = run(
        sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", folder, env={**os.environ, **found},
        cwd=tmp_path,
    )  # fmt: skip
    assert " passed" in told
    assert " failed" not in told
