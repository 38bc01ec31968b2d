"""What the host promises a plugin, and what it does with one that breaks its side: entry point by entry point."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from asem_core.errors import PluginError
from asem_core.hookspecs import hookimpl
from asem_core.plugins import BUILTIN, Plugins, make_manager
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec, ReaderSpec, StageRef


@attrs.frozen
class Point:
    """An entry point as importlib.metadata hands them out."""

    name: str
    load: Callable[[], Any]
    distribution: str | None = None

    @property
    def dist(self) -> Any:
        name = self.distribution or f"asem-organelle-{self.name}"
        return None if name == "no distribution" else SimpleNamespace(name=name, version="1.2")


def organelle(name: str) -> OrganelleSpec:
    return OrganelleSpec(
        name=name, title=name.title(), exclusion_zone=StageRef(name="shell", params={"dilate": 1, "erode": 1})
    )


def plugin(*names: str, **hooks: Callable[..., Any]) -> Any:
    """A plugin that registers organelles, or that has the hooks given."""
    if names:
        hooks["asem_register_organelles"] = lambda: [organelle(name) for name in names]
    return SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})


def raising(error: BaseException) -> Callable[[], Any]:
    def call() -> Any:
        raise error

    return call


def nothing_to_add() -> list[OrganelleSpec]:
    return []


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
    assert [(p.name, p.distribution, p.version) for p in plugins.loaded[1:]] == [
        ("golgi", "asem-organelle-golgi", "1.2")
    ]
    registry = Registry(plugins)
    assert registry.organelles["golgi"].title == "Golgi"
    assert registry.organelles.plugin_of("golgi").distribution == "asem-organelle-golgi"
    assert registry.of_plugin("golgi") == {"organelle": ["golgi"]}


def test_core_registers_through_the_same_hooks() -> None:
    plugins = load()
    assert [p.name for p in plugins.loaded] == [BUILTIN]
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
        (lambda: 5, "TypeError"),
    ],
    ids=["raises", "exits", "strings", "another spec", "no list"],
)
def test_a_hook_that_fails_hides_only_its_own_names(returned: Callable[[], Any], reason: str) -> None:
    bad = plugin(asem_register_organelles=returned, asem_register_readers=nothing_to_add)
    organelles = Registry(load(*around(lambda: bad))).organelles
    assert list(organelles) == ["er", "golgi"]
    (broken,) = organelles.broken
    assert broken.name == "b"
    assert reason in str(broken.error)


def test_half_a_list_is_not_registered() -> None:
    bad = plugin(asem_register_organelles=lambda: [organelle("mito"), "er"])
    assert list(Registry(load(Point("b", lambda: bad))).organelles) == []


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_nothing_to_register_is_no_error(nothing: Any) -> None:
    registry = Registry(load(Point("quiet", lambda: plugin(asem_register_organelles=lambda: nothing))))
    assert list(registry.organelles) == []
    assert registry.organelles.broken == ()


def test_one_name_twice_names_both_distributions() -> None:
    registry = Registry(
        load(Point("a", lambda: plugin("mito"), "asem-organelle-mito"), Point("b", lambda: plugin("mito"), "lab-mito"))
    )
    with pytest.raises(
        PluginError, match=r"two plugins register the organelle 'mito': asem-organelle-mito and lab-mito"
    ):
        registry.organelles["er"]
    assert "tiff" in registry.readers, "other kinds still work"


def test_two_entry_points_of_one_name() -> None:
    plugins = load(Point("mito", lambda: plugin("mito"), "first"), Point("mito", lambda: plugin("er"), "second"))
    assert [broken.distribution for broken in plugins.broken] == ["second"]
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
    assert load(Point("x", lambda: GOOD, "no distribution")).loaded[1].distribution == "unknown"


def test_the_order_of_installation_does_not_matter() -> None:
    points = [Point(name, lambda name=name: plugin(name)) for name in ("mito", "er", "golgi")]
    assert names(points) == names(points[::-1]) == ["er", "golgi", "mito"]
    assert [p.name for p in load(*points).loaded] == [p.name for p in load(*points[::-1]).loaded]


def test_managers_do_not_share_anything() -> None:
    load(Point("golgi", lambda: GOOD))
    assert list(Registry(load()).organelles) == []
