"""Every field that people write has a description: the reference and the help of options are made of them."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from asem_core import specs
from asem_core.analysis import View
from asem_core.geometry import VoxelSize
from asem_core.params import field_docs
from asem_core.training import recipe
from asem_core.zoo.write.card import Card, Citation

from ..scripts import load_script

RECIPE = [kind for kind in vars(recipe).values() if isinstance(kind, type) and kind.__module__ == recipe.__name__]
SPECS = [kind for kind in vars(specs).values() if isinstance(kind, type) and attrs.has(kind)]


def undescribed(kind: type) -> list[str]:
    docs = field_docs(kind)
    return [field.name for field in attrs.fields(kind) if not docs.get(field.name)]


@pytest.mark.parametrize("kind", [*SPECS, View, VoxelSize, *RECIPE, Card, Citation], ids=lambda kind: kind.__name__)
def test_no_field_lacks_a_description(kind: type) -> None:
    assert not undescribed(kind)


def test_a_field_without_one_is_found() -> None:
    assert undescribed(Undescribed) == ["width"]


@attrs.frozen
class Undescribed:
    name: str
    """Of it."""
    width: int


def test_the_pages_say_what_a_field_is_where_it_is_not_given(root: Path) -> None:
    pytest.importorskip("sphinx", reason="asem-core[docs] is not installed")
    generated = load_script(root / "docs/_ext/generated.py")
    said = {}
    for field in ("name", "threshold", "separation", "models"):
        lines = ["Of it."]
        generated.add_default("attribute", f"asem_core.specs.OrganelleSpec.{field}", lines)
        said[field] = lines[2]
    assert said["name"] == "Must be given."
    assert said["threshold"] == "Default: ``0.5``."
    assert said["separation"].startswith("Default: ``Separation(reach_nm=200.0")
    assert said["models"] == "Default: ``()``."
    property_of_it = ["Of it."]
    generated.add_default("property", "asem_core.specs.CheckpointSpec.model_id", property_of_it)
    assert property_of_it == ["Of it."]
    pages = generated.spec_pages() | generated.file_pages()
    assert {"specs/OrganelleSpec.rst", "specs/View.rst", "specs/VoxelSize.rst", "files/recipe.rst"} <= set(pages)
    assert {f"specs/{kind.__name__}.rst" for kind in SPECS} <= set(pages)
    assert all(f"recipe.{kind.__name__}" in pages["files/recipe.rst"] for kind in RECIPE)
