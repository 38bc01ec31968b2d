from __future__ import annotations

from types import SimpleNamespace

import pluggy
import pytest

from asem_core import builtin, hookspecs
from asem_core.plugins import PluginRecord, Plugins
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec, StageRef

MITO = OrganelleSpec(
    name="mito", title="Mitochondria", exclusion_zone=StageRef(name="shell", params={"dilate": 4, "erode": 4})
)


@pytest.fixture
def organelle():
    return MITO


@pytest.fixture
def registry():
    """Core's own stages and one organelle, without installed plugins."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    toy = SimpleNamespace(asem_register_organelles=hookspecs.hookimpl(lambda: [MITO]))
    for name, plugin in (("asem-core", builtin), ("toy", toy)):
        manager.register(plugin, name=name)
    records = tuple(PluginRecord(name=name, distribution=name, version="0") for name in ("asem-core", "toy"))
    return Registry(Plugins(manager=manager, records=records))
