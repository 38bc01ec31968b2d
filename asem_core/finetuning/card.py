"""The card of a fine-tuned model, where its maker writes none: what is known of it, and what is not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asem_core.finetuning.regions import Split
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.zoo.write.card import Card
from asem_core.zoo.write.checkpoint import METHOD


def finetuned_card(parent: ModelSpec, parts: Split, *, organelle: OrganelleSpec, better: bool) -> Card:
    """What `asem finetune` knows of the model that it makes.

    Parameters
    ----------
    parent
        What it began from.
    parts
        What it was trained on, and judged by.
    better
        Whether it beat ``parent``.
    """
    training, held = (sum(each.um3 for each in part) for part in (parts.training, parts.validation))
    begun = f"{parent.id} {parent.version}"
    failures = [
        _scored_on(held) + " than its parent. Look at what it finds before you measure anything.",
    ]
    if not better:
        failures.append("On what was held back its parent is better; it was packaged because its maker asked for that.")
    return _card(
        parts,
        organelle,
        title=f"{organelle.title[:30]} fine-tuned from {parent.id[:20]}",
        description=f"Finds {organelle.name[:64]} in one cell: {begun}, fine-tuned on {training:.2g} um3 of labels.",
        trained_on=f"fine-tuned from {begun} ({parent.trained_on}) on {training:.2g} um3 of labels of one cell",
        earlier=(f"Before that, the data of {begun}: {parent.trained_on}",),
        licence=f"that of {begun} goes on: {parent.licence}; what the owners of the new data ask for is not stated",
        failures=failures,
    )


def scratch_card(parts: Split, *, organelle: OrganelleSpec) -> Card:
    """The same of a network that was trained on ``parts`` from nothing."""
    training, held = (sum(each.um3 for each in part) for part in (parts.training, parts.validation))
    return _card(
        parts,
        organelle,
        title=f"{organelle.title[:40]} of one cell",
        description=f"Finds {organelle.name[:64]} in one cell: trained from nothing on {training:.2g} um3 of labels.",
        trained_on=f"{training:.2g} um3 of labels of one cell",
        licence="what the owners of the data ask for is not stated",
        failures=[_scored_on(held) + ". Look at what it finds before you measure anything."],
    )


def _scored_on(um3: float) -> str:
    return (
        f"Scored on {um3:.2g} um3 of the cell that it was trained on, and on nothing else: on another cell it may be "
        "better or worse"
    )


def _card(
    parts: Split,
    organelle: OrganelleSpec,
    *,
    title: str,
    description: str,
    trained_on: str,
    licence: str,
    failures: Sequence[str],
    earlier: tuple[str, ...] = (),
) -> Card:
    return Card(
        title=re.sub(r"[^A-Za-z0-9_+\- ()]+", " ", title)[:64].strip(),
        description=description,
        trained_on=trained_on,
        data=(
            f"{sum(each.um3 for each in parts.training):.2g} um3 of labels in {len(parts.training)} box(es), which "
            "`recipe.yaml` names. Whose data and labels they are is not stated.",
            *earlier,
        ),
        licence=licence,
        split=f"held back: {parts.how}; see `recipe.yaml`.",
        known_failures=tuple(failures),
        citation=(METHOD,),
        authors=("not stated",),
        tags=("3d", "electron-microscopy", "segmentation", "unet", organelle.name),
    )
