"""Who may import what."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import attrs

from asem_core import specs

if TYPE_CHECKING:
    from tests.architecture.conftest import Module


def _roots(module: Module) -> set[str]:
    return {name.partition(".")[0] for name in module.imports(deferred=True)}


def test_torch_is_for_training_only(modules: list[Module]) -> None:
    users = {module.name for module in modules if _roots(module) & {"torch", "torchvision", "tensorboard"}}
    rooms = ("asem_core.training.", "asem_core.finetuning.")
    allowed = {name for name in users if name.startswith(rooms) or name.endswith(".training")}
    assert users == allowed


def test_napari_is_for_its_plugin_only(modules: list[Module]) -> None:
    """And what needs it is imported when a window is asked for."""
    room = "asem_annotate.viewer"
    users = {module.name for module in modules if _roots(module) & {"napari", "qtpy", "magicgui", "app_model"}}
    assert users
    assert {name for name in users if not name.startswith(f"{room}.")} == set()
    early = [m.name for m in modules if any(name.startswith(room) for name in m.imports(deferred=False))]
    assert [name for name in early if not name.startswith(room)] == []


def test_relative_imports_are_not_used(modules: list[Module]) -> None:
    assert not [module.name for module in modules if "None" in _roots(module)]


def test_specs_need_attrs_and_the_standard_library_only(modules: list[Module]) -> None:
    for module in modules:
        if module.package == "asem_core.specs":
            own = {name for name in module.imports(deferred=True) if name.startswith("asem_core.specs.")}
            elsewhere = {name.partition(".")[0] for name in module.imports(deferred=True) - own}
            assert elsewhere <= sys.stdlib_module_names | {"attrs"}, module.name


def test_entry_points_of_plugins_are_cheap(modules: list[Module]) -> None:
    """A plugin's ``plugin.py`` is imported whenever anything is listed."""
    for module in modules:
        if not module.name.endswith(".plugin"):
            continue
        own = module.name.partition(".")[0]
        allowed = {"asem_core.hookspecs", "asem_core.specs"}
        heavy = {
            name
            for name in module.imports(deferred=False)
            if not name.startswith((f"{own}.", "asem_core.")) and name.partition(".")[0] not in sys.stdlib_module_names
        }
        core = {n.rpartition(".")[0] for n in module.imports(deferred=False) if n.startswith("asem_core.")}
        assert not heavy, module.name
        assert core <= allowed, module.name


def test_core_knows_no_plugin(modules: list[Module]) -> None:
    plugins = {module.name.partition(".")[0] for module in modules} - {"asem_core"}
    for module in modules:
        if module.name.startswith("asem_core"):
            assert not _roots(module) & plugins, module.name


def test_library_does_not_know_the_command_line(modules: list[Module]) -> None:
    """But for the contract kit, which looks at what a plugin makes of it."""
    for module in modules:
        if module.package not in ("asem_core.cli", "asem_core.testing") and module.name.startswith("asem_core"):
            users = {name for name in module.imports(deferred=True) if name.startswith(("click", "asem_core.cli"))}
            assert not users, module.name


def test_verbs_share_one_registry(modules: list[Module]) -> None:
    """A verb asks for the registry of its command, and hands it to whatever would load plugins by itself."""
    verbs = [m for m in modules if m.package == "asem_core.cli" or m.name.endswith(".commands")]
    loading = {m.name for m in verbs if "asem_core.plugins.make_manager" in m.imports(deferred=True)}
    assert loading == {"asem_core.cli.main"}
    for module in verbs:
        for call in [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]:
            name = ast.unparse(call.func)
            if name in ("open_volume", "open_labels"):
                assert "registry" in {keyword.arg for keyword in call.keywords}, f"{module.name}: {ast.unparse(call)}"
            assert not name.endswith("make_registry") or module.name == "asem_core.cli.context", module.name


def test_packages_do_not_import_in_circles(modules: list[Module]) -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        targets = {".".join(name.split(".")[:2]) for name in module.imports(deferred=False) if "asem_core." in name}
        graph[module.package] |= targets - {module.package}
    TopologicalSorter(graph).prepare()


def test_every_field_of_a_spec_is_read(modules: list[Module]) -> None:
    """Observers of plugins read `RunEvent`, core everything else."""
    read = {
        node.attr
        for module in modules
        if module.name.startswith("asem_core.") and module.package != "asem_core.specs"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    kinds = [kind for kind in vars(specs).values() if isinstance(kind, type) and attrs.has(kind)]
    assert len(kinds) > 10
    unread = {f"{k.__name__}.{f.name}" for k in kinds for f in attrs.fields(k) if f.name not in read}
    assert unread <= {"RunEvent.seconds", "RunEvent.detail", "RunEvent.verb"}
