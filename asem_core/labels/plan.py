"""Which stages prepare the ground truth of an organelle, in which order, with which numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from asem_core.errors import AsemError, PluginError
from asem_core.labels.zone import Zone, make_zone
from asem_core.params import make_params, parse_stage
from asem_core.registry import Registry
from asem_core.specs import DatasetSpec, LabelRuleSpec, OrganelleSpec, StageRef

PAPER = "paper"
SHELL = "shell"
DILATION = "dilate_labels"


@attrs.frozen(kw_only=True)
class Plan:
    """Clean-up, then dilation, then exclusion zone (the order of the paper). Numbers are voxels of a 5 nm grid."""

    organelle: str
    rules: tuple[tuple[LabelRuleSpec, attrs.AttrsInstance], ...]
    """Every rule and its parameters; the dilation is the last one."""
    zone: Zone


def make_plan(
    organelle: OrganelleSpec,
    registry: Registry,
    *,
    dataset: DatasetSpec | None = None,
    cleanup: Sequence[StageRef] | None = None,
    dilate: int | None = None,
    zone: StageRef | None = None,
) -> Plan:
    """The organelle's plan; what is given replaces its part.

    Parameters
    ----------
    dataset
        How these labels were drawn: its ``dilate_voxels`` for the organelle comes before the organelle's.
    cleanup
        Rules instead of the organelle's; an empty one: none.
    dilate
        Width that comes before the data set's and the organelle's.
    zone
        Exclusion zone instead of the organelle's; `choose_zone` reads one.

    Raises
    ------
    PluginError
        An unknown rule, zone or parameter, or a data set without labels of the organelle.
    """
    if dilate is None:
        dilate = _dataset_dilation(dataset, organelle) if dataset is not None else organelle.dilate_voxels
    stages = [*(organelle.cleanup if cleanup is None else cleanup), StageRef(name=DILATION, params={"width": dilate})]
    specs = [registry.label_rules[stage.name] for stage in stages]
    rules = tuple((spec, make_params(spec, stage.params)) for spec, stage in zip(specs, stages, strict=True))
    return Plan(organelle=organelle.name, rules=rules, zone=make_zone(zone or organelle.exclusion_zone, registry))


def choose_zone(organelle: OrganelleSpec, text: str, *, registry: Registry) -> StageRef:
    """The exclusion zone that ``text`` names.

    Parameters
    ----------
    text
        ``"4,4"``: the zone ``shell``, dilate and erode in voxels of 5 nm. ``"paper"`` or another preset of the
        organelle. ``"NAME"`` or ``"NAME:PARAMETER=VALUE,..."``: a registered zone.

    Raises
    ------
    AsemError
        It is none of these; the message lists the organelle's presets and the registered zones.
    """
    presets = {PAPER: organelle.exclusion_zone, **organelle.zone_presets}
    widths = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", text)
    if widths:
        return StageRef(name=SHELL, params={"dilate": int(widths[1]), "erode": int(widths[2])})
    if text in presets:
        return presets[text]
    if text.partition(":")[0].strip() in registry.exclusion_zones:
        return parse_stage(text)
    known = f"{', '.join(presets)}), or ZONE:PARAMETER=VALUE,... of the zones {', '.join(registry.exclusion_zones)}"
    raise AsemError(
        f"a zone is dilate,erode in voxels of 5 nm, such as 4,4, or a preset of {organelle.name} ({known}; got {text!r}"
    )


def _dataset_dilation(dataset: DatasetSpec, organelle: OrganelleSpec) -> int:
    if organelle.name not in dataset.labels:
        raise PluginError(
            f"the data set {dataset.name!r} has no labels of {organelle.name!r}; "
            f"it has: {', '.join(dataset.labels) or 'none'}"
        )
    return int(dataset.labels[organelle.name].get("dilate_voxels", organelle.dilate_voxels))
