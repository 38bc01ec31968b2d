"""What a plugin may import keeps its form: docs/surface.txt holds every public name with its signature.

A change of it is a change for every plugin. Where it is meant: ASEM_UPDATE=1 pytest THIS FILE, and a line in
CHANGELOG.md; docs/publish-a-plugin.md says which version such a change needs.
"""

from __future__ import annotations

import ast
import difflib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import importlib_metadata
import pytest
from packaging.version import Version

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
        yield f"{_marks(node)}class {name}({', '.join(map(ast.unparse, node.bases))})"
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and not item.name.startswith("_"):
                yield f"    {_function(item.name, item)}"
            elif isinstance(item, ast.AnnAssign) and not ast.unparse(item.target).startswith("_"):
                default = " = ..." if _has_default(item) else ""
                yield f"    {ast.unparse(item.target)}: {ast.unparse(item.annotation)}{default}"
    else:
        yield name


def _function(name: str, node: ast.FunctionDef) -> str:
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{_marks(node)}{name}({ast.unparse(node.args)}){returned}"


def _marks(node: ast.FunctionDef | ast.ClassDef) -> str:
    decorators = [ast.unparse(mark).partition("(")[0] for mark in node.decorator_list]
    return "".join(f"@{mark} " for mark in decorators if mark in ("property", "classmethod", "deprecated"))


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


def public_names(surface: Iterable[str]) -> dict[str, bool]:
    """Of each public name, such as ``asem_core.zoo: pull``, whether it is deprecated."""
    lines = [re.fullmatch(r"(\S+: )(@deprecated )?(?:class )?(\w+).*", line) for line in surface if line[:1] != " "]
    return {f"{line[1]}{line[3]}": line[2] is not None for line in lines if line}


def gone_unannounced(before: Iterable[str], now: Iterable[str], *, told: str) -> list[str]:
    """Names of an earlier surface that went without a version in which they warned, or of which ``told`` is silent."""
    old, new = public_names(before), public_names(now)
    gone = {name: warned for name, warned in old.items() if name not in new}
    return [name for name, warned in gone.items() if not warned or not re.search(rf"\b{name.split()[-1]}\b", told)]


def test_names_go_after_a_version_in_which_they_warn(root: Path) -> None:
    """Against docs/surface.txt of the last release: deprecated there, and named in the changelog."""

    def git(*words: str) -> str:
        found = subprocess.run(("git", *words), cwd=root, capture_output=True, text=True, check=False)
        return found.stdout.strip()

    release = git("describe", "--tags", "--abbrev=0", "--match", "v*")
    if not release:
        pytest.skip("there is no release yet, or no git that knows one")
    told = "".join(path.read_text(encoding="utf-8") for path in (root / "CHANGELOG.md", *root.glob("changes/+*.md")))
    now = (root / "docs/surface.txt").read_text(encoding="utf-8").splitlines()
    assert not gone_unannounced(git("show", f"{release}:docs/surface.txt").splitlines(), now, told=told)


def test_what_goes_unannounced_is_found() -> None:
    before = [
        "asem_core.zoo: pull(site: str) -> None",
        "asem_core.zoo: @deprecated class Site()",
        "    url: str",
        "asem_core.zoo: LIMIT",
    ]
    assert gone_unannounced(before, before, told="") == []
    kept = ["asem_core.zoo: @deprecated pull(site: str) -> None", "asem_core.zoo: LIMIT"]
    assert gone_unannounced(before, kept, told="- `Site` is gone.") == []
    assert gone_unannounced(before, kept, told="") == ["asem_core.zoo: Site"]
    assert gone_unannounced(before, before[1:], told="- `pull` is gone.") == ["asem_core.zoo: pull"]


def announced(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """What a module says will go, and the version of core in which it does; None: it does not say that."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("deprecated", "warn_going"):
            said = ast.unparse(node)
            version = re.search(r"goes with asem-core (\d+\.\d+): |gone_in='(\d+\.\d+)'", said)
            yield said, version and (version[1] or version[2])


def overdue(tree: ast.Module, *, installed: Version) -> list[str]:
    """What was to be gone by now, or does not say when it goes."""
    return [said for said, version in announced(tree) if version is None or Version(version) <= installed]


def test_what_was_to_go_is_gone(modules: list[Module]) -> None:
    installed = Version(Version(importlib_metadata.version("asem-core")).base_version)
    found = [(module.name, said) for module in modules for said in overdue(module.tree, installed=installed)]
    assert not found, "remove it, with a line in the changelog; or let it say when it goes (asem_core/deprecation.py)"


def test_what_is_overdue_is_found() -> None:
    marked = "@deprecated('asem_core.zoo.pull goes with asem-core 0.3: use fetch')\ndef pull(): ..."
    warned = "warn_going('block', gone_in='0.3', instead='leave it out')"
    for source in (marked, warned):
        assert overdue(ast.parse(source), installed=Version("0.2.9")) == []
        assert len(overdue(ast.parse(source), installed=Version("0.3.0"))) == 1
    assert len(overdue(ast.parse(marked.replace("goes with asem-core 0.3", "is old")), installed=Version("0.1"))) == 1
    assert list(described("pull", ast.parse(marked).body[0])) == ["@deprecated pull()"]
