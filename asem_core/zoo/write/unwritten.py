"""The card of a model whose makers wrote none: what is known, and that the rest is not."""

from __future__ import annotations

import re

from asem_core.geometry import FloatTriple
from asem_core.specs import OrganelleSpec
from asem_core.zoo.write.card import Card
from asem_core.zoo.write.checkpoint import METHOD


def unwritten_card(
    organelle: OrganelleSpec, *, voxel_size_nm: FloatTriple, volumes: int, start: str | None = None
) -> Card:
    """A card that bioimage.io accepts and that claims nothing.

    Parameters
    ----------
    organelle
        What the model finds.
    voxel_size_nm
        ``(z, y, x)``, nm, of the model's grid.
    volumes
        How many it was trained on.
    start
        The model whose weights the training began from.

    Examples
    --------
    >>> from asem_core.organelles import new_organelle
    >>> card = unwritten_card(new_organelle("lysosome"), voxel_size_nm=(10, 10, 10), volumes=2)
    >>> card.title, card.authors, card.licence_spdx
    ('Lysosome at 10 x 10 x 10 nm', ('not stated',), None)
    """
    voxel = " x ".join(f"{v:g}" for v in voxel_size_nm)
    count = "1 volume" if volumes == 1 else f"{volumes} volumes"
    inherited = f"; the training began from the weights of {start}, whose licence goes on" if start else ""
    title = f"{organelle.title[:36]} at {voxel} nm"
    return Card(
        title=re.sub(r"[^A-Za-z0-9_+\- ()]+", " ", title)[:64].strip(),
        description=f"Finds {organelle.name[:64]} in volume EM at {voxel} nm. Its makers wrote no card.",
        trained_on=f"trained on {count} that nobody has described: what else it is good for is not known",
        data=(f"Not described; `recipe.yaml` names the {count} of the training.",),
        licence=f"not stated: ask whoever trained it before you use it or pass it on{inherited}",
        split="as `recipe.yaml` says.",
        known_failures=("Not known: its makers wrote none down. Look at what it finds before you measure anything.",),
        citation=(METHOD,),
        authors=("not stated",),
        tags=("3d", "electron-microscopy", "segmentation", "unet", organelle.name),
    )
