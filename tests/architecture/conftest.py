"""The source files of the project, parsed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest


@attrs.frozen
class Module:
    """One source file."""

    name: str
    """Dotted, such as ``asem_core.predict.plan``."""
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        """The unit whose dependencies matter: a sub-package of core, or a module directly in it."""
        return ".".join(self.name.split(".")[:2])

    def imports(self, *, deferred: bool) -> set[str]:
        """Dotted names of the modules and objects it imports; ``deferred``: those inside functions too."""
        return set(_imported(self.tree, deferred=deferred))


def _imported(node: ast.AST, *, deferred: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        elif deferred or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imported(child, deferred=deferred)


@pytest.fixture(scope="session")
def modules(root: Path) -> list[Module]:
    """Every module of core and of the plugins in this repository; tests and the files of model packages are none."""
    packages = [root / "asem_core", *sorted(root.glob("plugins/**/asem_*/"))]
    paths = [(package, path) for package in packages for path in sorted(package.rglob("*.py"))]
    return [_parse(path, package.parent) for package, path in paths if not (path.parent / "rdf.yaml").exists()]


def _parse(path: Path, folder: Path) -> Module:
    parts = path.relative_to(folder).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, ast.parse(path.read_text()))
