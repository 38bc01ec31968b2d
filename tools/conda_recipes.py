"""A conda recipe for every sdist of a folder, from its metadata, for conda-forge or `rattler-build build`.

python tools/conda_recipes.py dist     # dist/conda/NAME/recipe.yaml; `make release` does it too
"""

from __future__ import annotations

import hashlib
import sys
import tarfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

OTHER_NAMES = {"bioimageio-core": "bioimageio.core", "universal-pathlib": "universal_pathlib"}
"""On conda-forge."""
NOT_THERE = {"onnxruntime-gpu"}
"""On conda-forge the GPU is a variant of onnxruntime."""


def write_recipes(dist: Path) -> list[Path]:
    """Write them below ``dist/conda``."""
    recipes = []
    for sdist in sorted(dist.glob("*.tar.gz")):
        values = recipe(sdist)
        path = dist / "conda" / values["package"]["name"] / "recipe.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("schema_version: 1\n" + yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        recipes.append(path)
    return recipes


def recipe(sdist: Path) -> dict[str, Any]:
    """The recipe of what is in ``sdist``, as it will lie on PyPI."""
    told = metadata(sdist)
    name, version, python = told["Name"], told["Version"], f"python {told['Requires-Python']}"
    script = "${{ PYTHON }} -m pip install . --no-deps --no-build-isolation -vv"
    return {
        "package": {"name": name, "version": version},
        "source": {
            "url": f"https://pypi.org/packages/source/{name[0]}/{name}/{sdist.name}",
            "sha256": hashlib.sha256(sdist.read_bytes()).hexdigest(),
        },
        "build": {"noarch": "python", "script": script},
        "requirements": {
            "host": [python, "pip", "hatchling", "hatch-vcs"],
            "run": [python, *needs(told.get_all("Requires-Dist") or [], version)],
        },
        "tests": [{"python": {"imports": [name.replace("-", "_")]}}],
        "about": {"summary": told["Summary"], "license": told["License-Expression"]},
    }


def metadata(sdist: Path) -> Message:
    """``PKG-INFO`` of an sdist."""
    with tarfile.open(sdist) as archive:
        file = archive.extractfile(f"{sdist.name.removesuffix('.tar.gz')}/PKG-INFO")
        assert file is not None
        return BytesParser().parse(file)


def needs(requirements: list[str], version: str) -> list[str]:
    """What is needed without any extra, as conda writes it; of our own distributions the same version."""
    found = []
    for requirement in map(Requirement, requirements):
        if requirement.name in NOT_THERE or "extra ==" in str(requirement.marker):
            continue
        bounds = f"=={version}" if requirement.name.startswith("asem-") else str(requirement.specifier)
        found.append(f"{OTHER_NAMES.get(requirement.name, requirement.name)} {bounds}".strip())
    return sorted(found)


if __name__ == "__main__":
    write_recipes(Path(sys.argv[1]))
