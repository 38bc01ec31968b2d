"""Names: looking them up, and what is said about those that are not there."""

from __future__ import annotations

import pytest

from asem_core import builtin
from asem_core.errors import PluginError
from asem_core.plugins import PluginRecord, make_manager
from asem_core.registry import Entry, Names, Registry, resolve

CORE = PluginRecord(name="asem-core", distribution="asem-core", version="1")


def names_of(*names: str, broken: tuple[PluginRecord, ...] = ()) -> Names[str]:
    return Names(kind="organelle", entries={n: Entry(spec=n.upper(), plugin=CORE) for n in names}, broken=broken)


def test_names_are_a_mapping_to_specs() -> None:
    names = names_of("mito", "er")
    assert names["mito"] == "MITO"
    assert list(names) == ["mito", "er"]
    assert list(names.values()) == ["MITO", "ER"]
    assert len(names) == 2
    assert "er" in names
    assert "golgi" not in names
    assert names.plugin_of("er") == CORE


def test_an_unknown_name_lists_what_is_installed_and_guesses() -> None:
    with pytest.raises(PluginError) as caught:
        names_of("mito", "er")["mitos"]
    assert str(caught.value) == "unknown organelle 'mitos'; installed: er, mito; did you mean 'mito'?"


def test_no_guess_where_nothing_is_close() -> None:
    with pytest.raises(PluginError, match=r"unknown organelle 'golgi'; installed: er$"):
        names_of("er")["golgi"]
    with pytest.raises(PluginError, match="installed: none"):
        names_of().plugin_of("golgi")


def test_broken_plugins_are_named_with_their_reason() -> None:
    broken = PluginRecord(name="golgi", distribution="lab-golgi", version="1", error="ImportError: no cupy")
    with pytest.raises(PluginError, match=r"the plugin 'golgi' \(lab-golgi\) is broken: ImportError: no cupy"):
        names_of("er", broken=(broken,))["golgi"]


def test_get_with_a_default_does_not_swallow_the_message() -> None:
    with pytest.raises(PluginError, match="installed: er"):
        names_of("er").get("golgi")


def test_resolve() -> None:
    assert resolve("asem_core.builtin:asem_register_readers") is builtin.asem_register_readers


@pytest.mark.parametrize("path", ["asem_core.nothing:x", "asem_core.builtin:nothing", "no_such_package:x"])
def test_resolving_what_is_not_there_names_the_path(path: str) -> None:
    with pytest.raises(PluginError, match=f"cannot load {path}: "):
        resolve(path)


def test_everything_that_core_registers_can_be_loaded() -> None:
    registry = Registry(make_manager(()))
    paths = [
        *(path for spec in registry.readers.values() for path in (spec.accepts, spec.open)),
        *(path for spec in registry.preprocessors.values() for path in (spec.fn, spec.params)),
        *(path for spec in registry.label_rules.values() for path in (spec.fn, spec.params)),
        *(path for spec in registry.exclusion_zones.values() for path in (spec.fn, spec.params)),
        *(path for spec in registry.runtimes.values() for path in (spec.probe, spec.open)),
    ]
    assert len(paths) >= 16
    assert all(callable(resolve(path)) for path in paths)
