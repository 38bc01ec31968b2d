"""What a plugin may import keeps its form: docs/surface.txt holds every public name with its signature.

A change of it is a change for every plugin. Where it is meant: ASEM_UPDATE=1 pytest THIS FILE, and a line in
CHANGELOG.md; docs/publish-a-plugin.md says which version such a change needs.
"""

from __future__ import annotations

import ast
import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .test_public import is_public

if TYPE_CHECKING:
    from tests.architecture.conftest import Module


def names_of(module: Module) -> list[str]:
    """``__all__``; nothing where there is none."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if "__all__" in map(ast.unparse, targets):
                return [str(name) for name in ast.literal_eval(node.value)]
    return []


def defined(name: str, module: Module, modules: dict[str, Module]) -> ast.stmt | None:
    """The statement that makes ``name``, in ``module`` or wherever that imports it from."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name and node in module.tree.body:
            return node
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
            source = modules.get(str(node.module))
            return None if source is None else defined(name, source, modules)
    return None


def described(name: str, node: ast.stmt | None) -> Iterator[str]:
    """Lines: a function with its arguments; a class with its fields and methods; anything else by its name."""
    if isinstance(node, ast.FunctionDef):
        yield _function(name, node)
    elif isinstance(node, ast.ClassDef):
        yield f"class {name}({', '.join(map(ast.unparse, node.bases))})"
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and not item.name.startswith("_"):
                yield f"    {_function(item.name, item)}"
            elif isinstance(item, ast.AnnAssign) and not ast.unparse(item.target).startswith("_"):
                default = " = ..." if _has_default(item) else ""
                yield f"    {ast.unparse(item.target)}: {ast.unparse(item.annotation)}{default}"
    else:
        yield name


def _function(name: str, node: ast.FunctionDef) -> str:
    marks = [f"@{mark} " for mark in map(ast.unparse, node.decorator_list) if mark in ("property", "classmethod")]
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{''.join(marks)}{name}({ast.unparse(node.args)}){returned}"


def _has_default(item: ast.AnnAssign) -> bool:
    if isinstance(item.value, ast.Call) and ast.unparse(item.value.func) == "attrs.field":
        return bool({keyword.arg for keyword in item.value.keywords} & {"default", "factory"})
    return item.value is not None


def surface(modules: list[Module]) -> list[str]:
    """Every public name, by the module that a plugin imports it from."""
    by_name = {module.name: module for module in modules}
    lines = []
    for module in modules:
        if module.name.startswith("asem_core") and is_public(module.name):
            for name in sorted(names_of(module)):
                first, *rest = described(name, defined(name, module, by_name))
                lines += [f"{module.name}: {first}", *rest]
    return lines


def test_the_surface_is_the_one_written_down(modules: list[Module], root: Path) -> None:
    page, found = root / "docs" / "surface.txt", surface(modules)
    if os.environ.get("ASEM_UPDATE"):
        page.write_text("\n".join(found) + "\n")
    compared = difflib.unified_diff(page.read_text().splitlines(), found, "docs/surface.txt", "now", n=0, lineterm="")
    changes = [line for line in compared if not line.startswith("@@")]
    assert not changes, f"{__doc__}\n" + "\n".join(changes)


def test_signatures_are_found(modules: list[Module]) -> None:
    found = surface(modules)
    (view,) = (n for n, line in enumerate(found) if line == "asem_core.analysis: class View()")
    assert "    kind: Kind" in found[view : view + 8]
    assert "    threshold: float = ..." in found[view : view + 8]
    assert any(
        line.startswith("asem_core.analysis: number_objects(view: View, *, min_voxels: int=1)") for line in found
    )
    assert any(line.startswith("asem_core.specs: class OrganelleSpec()") for line in found)
