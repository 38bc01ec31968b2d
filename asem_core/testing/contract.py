"""The checks of a plugin as tests: a class to inherit. pytest calls it; nothing here imports pytest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

from asem_core.testing.check import Check
from asem_core.testing.kit import plugin_checks
from asem_core.testing.readers import Sample


class PluginContract:
    """Every check of ``asem plugins check`` as a test of its own; the plugin must be installed.

    Examples
    --------
    In ``tests/test_contract.py`` of a plugin::

        from asem_core.testing import PluginContract


        class TestContract(PluginContract):
            plugin = "lysosome"
    """

    plugin: ClassVar[str]
    """Name of its entry point."""
    samples: ClassVar[Mapping[str, Callable[[Path], Sample]]] = {}
    """For each reader of the plugin by its name, what writes a file for it into a folder, as a static method."""

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Called by pytest when it collects: a test for every check."""
        if "check" in metafunc.fixturenames:
            metafunc.parametrize("check", list(plugin_checks(self.plugin, samples=self.samples)), ids=str)

    def test_contract(self, check: Check) -> None:
        """One check."""
        finding = check.perform()
        if finding.skipped is not None:
            raise SkipTest(finding.skipped)
        if finding.problems:
            raise AssertionError("; ".join(finding.problems))
