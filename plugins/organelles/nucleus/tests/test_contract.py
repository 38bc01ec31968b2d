"""What ASEM expects of a plugin: the checks of `asem plugins check nucleus`, a test each."""

from __future__ import annotations

import pytest

from asem_core.testing import PluginContract


@pytest.mark.slow
class TestContract(PluginContract):
    plugin = "nucleus"
