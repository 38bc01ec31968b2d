"""The contract kit: what ASEM expects of a plugin, as checks that its author runs. Needs no pytest.

==============  ==================================================================================
``kit``         every check of one plugin, by what it registers: `plugin_checks`
``check``       a check and what it found
``contract``    the same checks as tests: a class to inherit
``entry``       hooks, specs, and everything that a spec names; ``light``: listing costs nothing
``rules``       label rules; ``stages``: preprocessors; ``zones``: exclusion zones
``readers``     readers, on a sample that their author gives
``analyses``    measurements, on objects that nobody should stumble over
``runtimes``    runtimes; ``models``: packages; ``wheels``: what is uploaded
``samples``     small random volumes
==============  ==================================================================================

``asem plugins check NAME`` runs the checks and prints a line for each.
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.testing.analyses import analysis_checks
    from asem_core.testing.check import Check, Finding, NotChecked
    from asem_core.testing.contract import PluginContract
    from asem_core.testing.kit import plugin_checks
    from asem_core.testing.models import model_checks
    from asem_core.testing.readers import Sample, reader_checks
    from asem_core.testing.rules import rule_checks
    from asem_core.testing.runtimes import runtime_checks
    from asem_core.testing.stages import stage_checks
    from asem_core.testing.wheels import wheel_checks
    from asem_core.testing.zones import zone_checks

__all__ = [
    "Check", "Finding", "NotChecked", "PluginContract", "Sample", "analysis_checks", "model_checks", "plugin_checks",
    "reader_checks", "rule_checks", "runtime_checks", "stage_checks", "wheel_checks", "zone_checks",
]  # fmt: skip
__getattr__, __dir__ = lazy_names(__name__)
