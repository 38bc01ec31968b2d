"""What is public: ``__all__`` of a package, and of a module that lies directly in core."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import asem_core

if TYPE_CHECKING:
    from tests.architecture.conftest import Module

VERBS = [
    "adapt", "analyze", "convert", "evaluate", "evaluate_objects", "instances", "make_mask", "open_labels",
    "open_volume", "prepare_labels", "preprocess", "report", "segment", "train",
]  # fmt: skip
CODE = re.compile(r"```(?:python|py|\{code-cell\})\n(.*?)```", re.DOTALL)
FIRST_TWO = 2
"""Arguments that may be given by position."""


def is_public(module: str) -> bool:
    """Whether it may be imported from: core, a room of core, or a module directly in core."""
    return module.count(".") < 2


def verb(name: str) -> Any:
    if name == "train":
        pytest.importorskip("torch")
    return getattr(asem_core, name)


def test_every_package_says_what_is_public(modules: list[Module]) -> None:
    for module in modules:
        if module.name.startswith("asem_core") and module.path.name == "__init__.py":
            assigned = [
                target
                for node in module.tree.body
                if isinstance(node, ast.Assign | ast.AnnAssign)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            ]
            assert "__all__" in {ast.unparse(target) for target in assigned}, module.name


def test_every_public_name_is_there(modules: list[Module]) -> None:
    for module in modules:
        if module.name.startswith("asem_core") and module.path.name == "__init__.py" and "training" not in module.name:
            package = import_module(module.name)
            for name in package.__all__:
                assert not inspect.ismodule(getattr(package, name)) or module.name.endswith("cli.zoo"), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        asem_core.nothing  # noqa: B018


def test_plugins_use_public_names_only(modules: list[Module]) -> None:
    private = []
    for module in modules:
        if module.name.startswith("asem_core"):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                private += [f"{module.name}: {a.name}" for a in node.names if a.name.startswith("asem_core.")]
            if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "asem_core":
                source = str(node.module)
                known = getattr(import_module(source), "__all__", []) if is_public(source) else []
                private += [f"{module.name}: {source}.{a.name}" for a in node.names if a.name not in known]
    assert not private


@pytest.mark.parametrize("name", VERBS)
def test_verbs_take_two_arguments_by_position_and_need_no_registry(name: str) -> None:
    parameters = list(inspect.signature(verb(name)).parameters.values())
    assert sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters) <= FIRST_TWO
    assert next(p for p in parameters if p.name == "registry").default is None
    assert "Parameters\n----------" in (inspect.getdoc(verb(name)) or "")


def test_examples_of_the_docs_fit_the_signatures(root: Path) -> None:
    called = set()
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        for code in CODE.findall(page.read_text(encoding="utf-8")):
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("asem_core."):
                    found: Any = asem_core
                    for part in ast.unparse(node.func).split(".")[1:]:
                        found = verb(part) if found is asem_core and part in VERBS else getattr(found, part)
                    inspect.signature(found).bind(*node.args, **{str(k.arg): k.value for k in node.keywords})
                    called.add(ast.unparse(node.func).removeprefix("asem_core."))
    assert called >= set(VERBS)
