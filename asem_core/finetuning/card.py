"""The card of a fine-tuned model, where its maker writes none: what is known of it, and what is not."""

from __future__ import annotations

import re

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
    training = sum(each.um3 for each in parts.training)
    begun = f"{parent.id} {parent.version}"
    return _card(
        parts,
        organelle,
        title=f"{organelle.title[:30]} fine-tuned from {parent.id[:20]}",
        description=f"Finds {organelle.name[:64]} in one cell: {begun}, fine-tuned on {training:.2g} um3 of labels.",
        trained_on=f"fine-tuned from {begun} ({parent.trained_on}) on {training:.2g} um3 of labels of one cell",
        earlier=(f"Before that, the data of {begun}: {parent.trained_on}",),
        licence=f"that of {begun} goes on: {parent.licence}; what the owners of the new data ask for is not stated",
        failures=_failures(parent, parts, better=better),
    )


def scratch_card(parent: ModelSpec, parts: Split, *, organelle: OrganelleSpec, better: bool) -> Card:
    """The same of a network that was trained from nothing, and compared with ``parent``."""
    training = sum(each.um3 for each in parts.training)
    return _card(
        parts,
        organelle,
        title=f"{organelle.title[:40]} of one cell",
        description=f"Finds {organelle.name[:64]} in one cell: trained from nothing on {training:.2g} um3 of labels.",
        trained_on=f"{training:.2g} um3 of labels of one cell",
        licence="what the owners of the data ask for is not stated",
        failures=_failures(parent, parts, better=better),
    )


def _failures(parent: ModelSpec, parts: Split, *, better: bool) -> tuple[str, ...]:
    held, old = sum(each.um3 for each in parts.validation), f"{parent.id} {parent.version}"
    scored = (
        f"Scored on {held:.2g} um3 of the cell that it was trained on, and on nothing else: on another cell it may be "
        f"better or worse than {old}. Look at what it finds before you measure anything."
    )
    beaten = f"On what was held back {old} is better; it was packaged because its maker asked for that."
    little = (f"{parts.caution[0].upper()}{parts.caution[1:]}.",) if parts.caution else ()
    return (scored, *little, *(() if better else (beaten,)))


def _card(
    parts: Split,
    organelle: OrganelleSpec,
    *,
    title: str,
    description: str,
    trained_on: str,
    licence: str,
    failures: tuple[str, ...],
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
        known_failures=failures,
        citation=(METHOD,),
        authors=("not stated",),
        tags=("3d", "electron-microscopy", "segmentation", "unet", organelle.name),
    )
