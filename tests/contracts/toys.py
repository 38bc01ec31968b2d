"""Entry points and plugins to test the host with."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import attrs

from asem_core.hookspecs import hookimpl
from asem_core.plugins import make_manager
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec, StageRef

ZONE = StageRef(name="shell", params={"dilate": 1, "erode": 1})


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


def organelle(name: str, **values: Any) -> OrganelleSpec:
    return OrganelleSpec(**{"name": name, "title": name.title(), "exclusion_zone": ZONE, **values})


def plugin(*names: str, **hooks: Callable[..., Any]) -> Any:
    """A plugin that registers organelles, or that has the hooks given."""
    if names:
        hooks["asem_register_organelles"] = lambda: [organelle(name) for name in names]
    return SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})


def registry_of(**plugins: Any) -> Registry:
    """The registry of core and ``plugins``."""
    return Registry(make_manager([Point(name, lambda made=made: made) for name, made in plugins.items()]))


def raising(error: BaseException) -> Callable[..., Any]:
    def call(**_: Any) -> Any:
        raise error

    return call


class UnspeakableError(Exception):
    """An error whose own text fails."""

    def __str__(self) -> str:
        raise RuntimeError("not even that")


class Panic(BaseException):
    """What an extension in another language may raise."""
