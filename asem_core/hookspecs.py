"""Every hook of ASEM, and nothing else.

A plugin is a module or object named by an entry point of the group ``asem``. It implements the hooks it needs, each
marked with `hookimpl`. Registering hooks return lists of frozen specs; nothing is intercepted, and no hook runs inside
the block loop. pluggy's call order never touches data: runs name what they use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from asem_core.specs import (
        AnalysisSpec,
        CheckpointSpec,
        DatasetSpec,
        ExclusionZoneSpec,
        FigureSpec,
        LabelRuleSpec,
        OrganelleSpec,
        PreprocessorSpec,
        ReaderSpec,
        RunEvent,
        RuntimeSpec,
    )

__all__ = [
    "PROJECT", "asem_register_analyses", "asem_register_checkpoints", "asem_register_commands",
    "asem_register_datasets", "asem_register_exclusion_zones", "asem_register_figures", "asem_register_label_rules",
    "asem_register_organelles", "asem_register_preprocessors", "asem_register_readers", "asem_register_runtimes",
    "asem_run_finished", "hookimpl", "hookspec",
]  # fmt: skip

PROJECT = "asem"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def asem_register_readers() -> list[ReaderSpec]:
    """Volume formats that this plugin can open.

    Called when the kind is first asked for. An empty list or None means: nothing to add. Two readers that accept the
    same address are an error that names both, raised when such an address is opened.
    """
    return []


@hookspec
def asem_register_datasets() -> list[DatasetSpec]:
    """Volumes with labels that this plugin knows: where they are and how they are labelled.

    Called when the kind is first asked for. An empty list or None means: nothing to add. Nothing is downloaded.
    """
    return []


@hookspec
def asem_register_preprocessors() -> list[PreprocessorSpec]:
    """Steps between the raw volume and the network.

    Called when the kind is first asked for. An empty list or None means: nothing to add. A model names the steps it
    needs, in order (`ModelSpec.preprocess`); a registered step that no model names never runs.
    """
    return []


@hookspec
def asem_register_label_rules() -> list[LabelRuleSpec]:
    """Clean-up rules for ground-truth labels.

    Called when the kind is first asked for. An empty list or None means: nothing to add. An organelle names the rules
    it needs, in order (`OrganelleSpec.cleanup`).
    """
    return []


@hookspec
def asem_register_exclusion_zones() -> list[ExclusionZoneSpec]:
    """Ways to choose the voxels near a ground-truth boundary that are not scored.

    Called when the kind is first asked for. An empty list or None means: nothing to add. An organelle names the zone it
    needs and its parameters (`OrganelleSpec.exclusion_zone`).
    """
    return []


@hookspec
def asem_register_organelles() -> list[OrganelleSpec]:
    """Organelles: parameters, exclusion zone, trained models.

    Called when the kind is first asked for. An empty list or None means: nothing to add. Only the plugin's own
    distribution should carry the weights that its models name.
    """
    return []


@hookspec
def asem_register_checkpoints() -> list[CheckpointSpec]:
    """Published checkpoints of the ASEM network: where each is, what it was trained on, and what it expects.

    Called when the kind is first asked for. An empty list or None means: nothing to add. Nothing is downloaded before
    ``asem zoo pull NAME`` asks for one.
    """
    return []


@hookspec
def asem_register_analyses() -> list[AnalysisSpec]:
    """Measurements on segmentations.

    Called when the kind is first asked for. An empty list or None means: nothing to add. What an analysis returns is
    held against `AnalysisSpec.outputs`.
    """
    return []


@hookspec
def asem_register_figures() -> list[FigureSpec]:
    """Figures for the pages of analyses.

    Called when a report is made. An empty list or None means: nothing to add. They stand before the figures of the
    analysis itself.
    """
    return []


@hookspec
def asem_register_runtimes() -> list[RuntimeSpec]:
    """Runtimes for ONNX graphs.

    Called when the kind is first asked for. An empty list or None means: nothing to add. A runtime whose library is not
    installed is still registered; its ``probe`` says what to install. One that can be used takes part in
    ``--runtime auto`` by its rank.
    """
    return []


@hookspec
def asem_register_commands(cli: Any) -> None:
    """Add commands to the ``asem`` command line.

    Parameters
    ----------
    cli
        The click group. Add verbs with ``cli.add_command``. A plugin that replaces, changes or removes a verb, or that
        fails half-way, adds none and is listed as broken.

    Called once when the command line starts: import heavy libraries inside the verb's function.
    """


@hookspec
def asem_run_finished(event: RunEvent) -> None:
    """A segmentation has ended. For observing (logs, dashboards): the result is ignored and data cannot be changed;
    what an observer raises is logged.

    Parameters
    ----------
    event
        The verb, seconds, settings.
    """
