"""Core, and the plugins of this repository, do what is expected of a stranger's."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from asem_core.cli.main import command_line
from asem_core.registry import Registry
from asem_core.testing import PluginContract, plugin_checks

OWN = [
    "analysis-contacts", "analysis-pits", "analysis-pores", "annotate", "asem-data", "ccp", "er", "golgi", "mesh",
    "mito", "nucleus", "pore", "reader-jeiss", "simulated", "view",
]  # fmt: skip
RUN, LONG = "er", ("bioimage.io's test", "runs on ")
"""Networks take long: that of one plugin is run here, and `tests/integration/test_wheels.py` segments with all."""


class TestCore(PluginContract):
    plugin = "asem-core"


@cache
def installed() -> Registry:
    return command_line()[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_own_plugins(name: str) -> None:
    if name not in {record.name for record in installed().plugins.records}:
        pytest.skip(f"{name} is not installed")
    checks = plugin_checks(name, registry=installed())
    findings = [check.perform() for check in checks if name == RUN or not check.name.startswith(LONG)]
    assert [str(finding) for finding in findings if finding.problems] == []
    assert len(findings) >= 4


def test_a_failing_check_is_a_failing_test_and_a_skipped_one_is_skipped() -> None:
    from unittest import SkipTest

    from asem_core.testing import Check, NotChecked

    def cannot() -> Any:
        raise NotChecked("no file")

    contract = PluginContract()
    contract.test_contract(Check(subject="toy", name="passes", find=list))
    with pytest.raises(AssertionError, match="too short"):
        contract.test_contract(Check(subject="toy", name="fails", find=lambda: ["too short"]))
    with pytest.raises(SkipTest, match="no file"):
        contract.test_contract(Check(subject="toy", name="skipped", find=cannot))
