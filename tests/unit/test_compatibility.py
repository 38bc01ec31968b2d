"""A plugin that was written for another version of core is not loaded, and says which one it needs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asem_core.compatibility import other_core
from asem_core.hookspecs import hookimpl
from asem_core.plugins import make_manager


@pytest.mark.parametrize(
    ("requires", "needs"),
    [
        ([], None),
        (["asem-core"], None),
        (["numpy<1"], None),
        (["asem-core>=0.1,<0.2"], None),
        (["asem_core>=0.1"], None),
        (["asem-core>=0.2,<0.3"], "<0.3,>=0.2"),
        (["numpy", "Asem-Core[train]<0.1"], "<0.1"),
        (["asem-core<0.1; extra == 'test'"], None),
        (["asem-core-tools<0.1"], None),
    ],
)
@pytest.mark.parametrize("installed", ["0.1.3", "0.1.3.dev7+g1cbd9a9", "0.1.3rc1"])
def test_other_core(requires: list[str], needs: str | None, installed: str) -> None:
    assert other_core(requires, installed=installed) == needs


def nothing() -> list[Any]:
    return []


def point(*requires: str) -> Any:
    loaded: list[str] = []

    def load() -> Any:
        loaded.append("loaded")
        return SimpleNamespace(asem_register_readers=hookimpl(nothing))

    dist = SimpleNamespace(name="lab-toy", version="1.2", requires=requires)
    return SimpleNamespace(name="toy", load=load, dist=dist, loaded=loaded)


def test_it_is_blocked_before_it_is_imported() -> None:
    other = point("asem-core>=7,<8")
    record = make_manager([other]).records[1]
    assert record.blocked
    assert record.state.startswith("blocked: needs asem-core<8,>=7, installed is ")
    assert other.loaded == []


def test_one_for_this_core_is_loaded() -> None:
    record = make_manager([point("asem-core>=0.1")]).records[1]
    assert (record.state, record.blocked) == ("ok", False)


def test_a_requirement_that_cannot_be_read_blocks_nothing() -> None:
    assert make_manager([point("asem-core>=what")]).records[1].state == "ok"
