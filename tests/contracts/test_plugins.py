"""What the host promises a plugin, and what it does with one that breaks its side: entry point by entry point."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from asem_core.errors import PluginError
from asem_core.hookspecs import hookimpl
from asem_core.plugins import BUILTIN, Plugins, make_manager
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec, ReaderSpec

from .toys import Panic, Point, UnspeakableError, organelle, plugin, raising


def nothing_to_add() -> list[OrganelleSpec]:
    return []


@hookimpl(wrapper=True)
def around_others() -> Any:
    return (yield)


def signature_nobody_calls(colour: str) -> list[OrganelleSpec]:
    return []


GOOD = plugin("golgi")
BROKEN = {
    "a module that does not import": (raising(ImportError("No module named 'cupy'")), "ImportError: No mod.*cupy"),
    "a module that raises": (raising(ZeroDivisionError("division by zero")), "ZeroDivisionError"),
    "a module that exits": (raising(SystemExit(3)), "SystemExit: 3"),
    "a misspelt hook": (
        lambda: plugin("bad", asem_register_organels=nothing_to_add), "unknown hook 'asem_register_organels'",
    ),
    "a hook with another signature": (
        lambda: plugin(asem_register_organelles=signature_nobody_calls), r"PluginValidationError.*colour",
    ),
    "nothing that is a hook": (lambda: SimpleNamespace(answer=42), "it implements no hook of ASEM"),
    "None": (lambda: None, "its entry point is None"),
    "a hook without its mark": (
        lambda: SimpleNamespace(asem_register_organelles=list),
        "asem_register_organelles is not marked with hookimpl",
    ),
    "a hook around those of others": (
        lambda: SimpleNamespace(asem_register_organelles=around_others), "asem_register_organelles is a wrapper",
    ),
    "an error whose text fails": (raising(UnspeakableError()), "^UnspeakableError$"),
    "a panic of another language": (raising(Panic("rust\n  says no")), "^Panic: rust says no$"),
}  # fmt: skip


def load(*points: Point) -> Plugins:
    return make_manager(points)


def around(bad: Callable[[], Any]) -> list[Point]:
    """A broken plugin, loaded between two sound ones."""
    return [Point("a", lambda: plugin("er")), Point("b", bad), Point("c", lambda: GOOD)]


def names(points: Sequence[Point]) -> list[str]:
    return list(Registry(load(*points)).organelles)


def test_a_good_plugin_passes() -> None:
    plugins = load(Point("golgi", lambda: GOOD))
    assert plugins.broken == ()
    assert [(p.name, p.distribution, p.version) for p in plugins.records[1:]] == [
        ("golgi", "asem-organelle-golgi", "1.2")
    ]
    registry = Registry(plugins)
    assert registry.organelles["golgi"].title == "Golgi"
    assert registry.organelles.plugin_of("golgi").distribution == "asem-organelle-golgi"
    assert registry.of_plugin("golgi") == {"organelle": {"golgi": registry.organelles["golgi"]}}
    assert registry.checked() == plugins.records


def test_core_registers_through_the_same_hooks() -> None:
    plugins = load()
    assert [p.name for p in plugins.records] == [BUILTIN]
    assert "tiff" in Registry(plugins).readers
    assert set(Registry(plugins).of_plugin(BUILTIN)) == {
        "reader", "preprocessor", "label rule", "exclusion zone", "runtime", "analysis",
    }  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
class TestABrokenPlugin:
    def test_is_listed_with_its_reason(self, fault: str) -> None:
        bad, reason = BROKEN[fault]
        (broken,) = load(*around(bad)).broken
        assert (broken.name, broken.distribution) == ("b", "asem-organelle-b")
        assert re.search(reason, str(broken.error), re.DOTALL)

    def test_takes_no_other_down(self, fault: str) -> None:
        plugins = load(*around(BROKEN[fault][0]))
        plugins.manager.check_pending()
        assert not plugins.manager.has_plugin("b")
        assert list(Registry(plugins).organelles) == ["er", "golgi"]

    def test_is_named_where_its_name_is_missed(self, fault: str) -> None:
        registry = Registry(load(*around(BROKEN[fault][0])))
        with pytest.raises(PluginError, match=r"unknown organelle 'mito'.*'b' \(asem-organelle-b\) is broken: "):
            registry.organelles["mito"]


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (raising(RuntimeError("no weights")), "asem_register_organelles: RuntimeError: no weights"),
        (raising(SystemExit("no licence")), "SystemExit: no licence"),
        (lambda: ["golgi"], "expected OrganelleSpec, got str"),
        (lambda: [ReaderSpec(name="x", summary="", accepts="a:b", open="a:b")], "OrganelleSpec, got ReaderSpec"),
        (lambda: [None], "expected OrganelleSpec, got NoneType"),
        (lambda: [OrganelleSpec], "expected OrganelleSpec, got type"),
        (lambda: organelle("mito"), "expected a list of OrganelleSpec, got OrganelleSpec"),
        (lambda: {"mito": organelle("mito")}, "expected a list of OrganelleSpec, got dict"),
        (lambda: (spec for spec in [organelle("mito")]), "expected a list of OrganelleSpec, got generator"),
        (lambda: 0, "expected a list of OrganelleSpec, got int"),
        (lambda: [organelle("mito")] * 2, "the name 'mito' is given twice"),
        (lambda: [organelle("mito", title=3)], "TypeError: OrganelleSpec.title must be str, got 3"),
        (raising(Panic("at the disco")), "asem_register_organelles: Panic: at the disco"),
    ],
    ids=[
        "raises",
        "exits",
        "strings",
        "another spec",
        "None",
        "a class",
        "no list",
        "a dictionary",
        "a generator",
        "0",
        "one name twice",
        "a field of another type",
        "panics",
    ],
)
def test_a_hook_that_fails_hides_only_its_own_names(returned: Callable[[], Any], reason: str) -> None:
    bad = plugin(asem_register_organelles=returned, asem_register_readers=nothing_to_add)
    organelles = Registry(load(*around(lambda: bad))).organelles
    assert list(organelles) == ["er", "golgi"]
    (broken,) = organelles.broken
    assert broken.name == "b"
    assert reason in str(broken.error)
    with pytest.raises(PluginError, match=r"unknown organelle 'mito'.*\(asem-organelle-b\) is broken: asem_register"):
        organelles["mito"]


def test_half_a_list_is_not_registered() -> None:
    bad = plugin(asem_register_organelles=lambda: [organelle("mito"), "er"])
    assert list(Registry(load(Point("b", lambda: bad))).organelles) == []


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_nothing_to_register_is_no_error(nothing: Any) -> None:
    registry = Registry(load(Point("quiet", lambda: plugin(asem_register_organelles=lambda: nothing))))
    assert list(registry.organelles) == []
    assert registry.organelles.broken == ()


def test_one_name_twice_is_nobodys_and_names_both_distributions() -> None:
    points = [
        Point("a", lambda: plugin("mito", "er"), "asem-organelle-mito"),
        Point("b", lambda: plugin("mito"), "lab-mito"),
    ]
    for order in (points, points[::-1]):
        registry = Registry(load(*order))
        clash = "two plugins register the organelle 'mito': asem-organelle-mito and lab-mito; uninstall one of them"
        with pytest.raises(PluginError, match=clash):
            registry.organelles["mito"]
        assert list(registry.organelles) == ["er"], "other names still work"
        assert [(p.name, p.error) for p in registry.checked()] == [(BUILTIN, None), ("a", clash), ("b", clash)]


def test_a_name_of_core_stays_cores() -> None:
    spec = ReaderSpec(name="tiff", summary="", accepts="a:b", open="a:b")
    greedy = plugin(asem_register_readers=lambda: [spec, ReaderSpec(name="x", summary="", accepts="a:b", open="a:b")])
    registry = Registry(load(Point("greedy", lambda: greedy)))
    assert registry.readers.plugin_of("tiff").name == BUILTIN
    assert registry.readers.plugin_of("x").name == "greedy"
    assert registry.checked()[1].error == "asem_register_readers: the reader 'tiff' is core's, call it otherwise"


def test_two_entry_points_of_one_name() -> None:
    plugins = load(Point("mito", lambda: plugin("mito"), "first"), Point("mito", lambda: plugin("er"), "second"))
    (broken,) = plugins.broken
    assert (broken.distribution, broken.error) == (
        "second",
        "ValueError: first has a plugin of this name too; uninstall one of them",
    )
    assert list(Registry(plugins).organelles) == ["mito"]


def test_a_sound_plugin_is_not_taken_for_a_broken_one_of_its_name() -> None:
    broken = raising(ImportError("gone"))
    plugins = load(Point("mito", broken, "broken-mito"), Point("mito", lambda: plugin("mito"), "sound-mito"))
    owner = Registry(plugins).organelles.plugin_of("mito")
    assert (owner.distribution, owner.error) == ("sound-mito", None)


def test_one_module_under_two_names_is_loaded_once() -> None:
    shared = plugin("mito")
    plugins = load(Point("a", lambda: shared), Point("b", lambda: shared))
    assert [p.name for p in plugins.broken] == ["b"]
    assert list(Registry(plugins).organelles) == ["mito"]


def test_an_entry_point_without_distribution() -> None:
    assert load(Point("x", lambda: GOOD, "no distribution")).records[1].distribution == "unknown"


def test_the_order_of_installation_does_not_matter() -> None:
    points = [Point(name, lambda name=name: plugin(name)) for name in ("mito", "er", "golgi")]
    assert names(points) == names(points[::-1]) == ["er", "golgi", "mito"]
    assert [p.name for p in load(*points).records] == [p.name for p in load(*points[::-1]).records]


def test_managers_do_not_share_anything() -> None:
    load(Point("golgi", lambda: GOOD))
    assert list(Registry(load()).organelles) == []
