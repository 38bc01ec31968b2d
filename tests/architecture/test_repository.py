"""What is around the source: metadata, settings of tools, workflows, as the community reviews them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


def test_scientific_python_reviews_it_without_a_failure(root: Path) -> None:
    pytest.importorskip("sp_repo_review", reason="sp-repo-review is not installed")
    command = (sys.executable, "-m", "repo_review", root, "--format", "json")
    checks = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)["checks"]
    failures = [f"{name}: {check['description']}" for name, check in checks.items() if check["result"] is False]
    assert len(checks) > 50
    assert not failures


def test_workflows_are_secure(root: Path) -> None:
    zizmor = shutil.which("zizmor", path=Path(sys.executable).parent) or shutil.which("zizmor")
    if zizmor is None:
        pytest.skip("zizmor is not installed")
    found = subprocess.run([zizmor, "--offline", "--quiet", root / ".github"], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_distributions_have_one_version_from_one_tag(root: Path) -> None:
    for path in [root / "pyproject.toml", *root.glob("plugins/**/pyproject.toml")]:
        project = tomllib.loads(path.read_text(encoding="utf-8"))
        version = project["tool"]["hatch"]["version"]
        assert project["project"]["dynamic"] == ["version"], path
        assert version["source"] == "vcs", path
        assert (path.parent / version.get("raw-options", {}).get("root", ".")).resolve() == root, path


def test_the_workflow_installs_every_plugin(root: Path) -> None:
    workflow = (root / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    for path in root.glob("plugins/**/pyproject.toml"):
        assert f"-e ./{path.parent.relative_to(root).as_posix()}" in workflow
