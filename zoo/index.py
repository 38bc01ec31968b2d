"""Writes index.json: every model of the repository, and where its package, recipe, log and card lie.

    python zoo/index.py

A model of the plugin asem_organelle_X consists of models/NAME/ (the package, which lives nowhere else), and beside
models/ of NAME.yaml (the recipe as it was written) and NAME.card.yaml (what its makers say).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asem_core.zoo.manifest import check_files
from asem_core.zoo.rdf import organelle_of

ROOT = Path(__file__).parents[1]
INDEX = Path(__file__).with_name("index.json")


def entries() -> list[dict[str, Any]]:
    """One entry per model, by id; every file that it names is there, and the weights are the stated ones."""
    packages = [path.parent for path in ROOT.glob("plugins/organelles/*/asem_organelle_*/models/*/model.json")]
    return sorted((_entry(package) for package in packages), key=lambda entry: str(entry["id"]))


def text() -> str:
    """The file."""
    return json.dumps(entries(), indent=2) + "\n"


def _entry(package: Path) -> dict[str, Any]:
    spec = check_files(package)
    module = package.parents[1]
    files = {
        "package": package,
        "recipe": module / f"{package.name}.yaml",
        "card_source": module / f"{package.name}.card.yaml",
        "card": package / "README.md",
        "resolved_recipe": package / "recipe.yaml",
        "training_log": package / "log.jsonl",
    }
    missing = [str(path) for path in files.values() if not path.exists()]
    if missing:
        raise FileNotFoundError(f"the model {spec.id} is not complete: {', '.join(missing)}")
    return {
        "id": spec.id,
        "version": spec.version,
        "organelle": organelle_of(package),
        "plugin": module.name.replace("_", "-"),
        "voxel_size_nm": list(spec.voxel_size_nm),
        "trained_on": spec.trained_on,
        "licence": spec.licence,
        "scores": dict(spec.scores),
        "onnx_sha256": spec.sha256,
        **{name: path.relative_to(ROOT).as_posix() for name, path in files.items()},
    }


if __name__ == "__main__":
    INDEX.write_text(text(), encoding="utf-8")
