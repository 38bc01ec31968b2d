"""What is known of a checkpoint before it is opened: by its registered name, its file's name, or the user's word."""

from __future__ import annotations

from pathlib import Path

import attrs

from asem_core.errors import ModelError
from asem_core.geometry import FloatTriple
from asem_core.registry import Registry
from asem_core.specs import CheckpointSpec, StageRef
from asem_core.zoo.write.card import Card, Citation
from asem_core.zoo.write.origin import in_words

METHOD = Citation(
    text="Gallusser et al. 2022, Deep neural network automated segmentation of cellular structures in volume electron "
    "microscopy (ASEM), bioRxiv 2022.08.02.502534.",
    doi="10.1101/2022.08.02.502534",
)
CLAHE = (StageRef(name="clahe", params={"kernel": 128, "clip": 0.02}),)
"""What the published program's data went through before training and prediction (method: Gallusser et al. 2022)."""


def describe_checkpoint(
    path: Path,
    *,
    organelle: str,
    voxel_size_nm: FloatTriple,
    fixation: str,
    registry: Registry,
    normalise: tuple[StageRef, ...] | None = None,
) -> CheckpointSpec:
    """The spec of the checkpoint ``path``: the registered one that has this file name, or what the caller says.

    Parameters
    ----------
    voxel_size_nm
        ``(z, y, x)``, nm; goes into the package whatever is registered, and the card says if it differs.
    normalise
        Stages that the weights expect; by default the registered ones, or the published program's CLAHE.

    Raises
    ------
    ModelError
        The file name is a registered checkpoint's of another organelle or fixation.
    """
    known = next((spec for spec in registry.checkpoints.values() if file_name(spec) == path.name), None)
    if known is None:
        return CheckpointSpec(
            name=f"checkpoint/{organelle}-{fixation.lower()}-{voxel_size_nm[0]:g}nm",
            uri=path.name,
            organelle=organelle,
            title=f"{organelle} ({fixation})",
            voxel_size_nm=voxel_size_nm,
            fixation=fixation,
            normalise=CLAHE if normalise is None else normalise,
            licence="not stated to the import: ask whoever trained them",
            citation=METHOD.text,
            doi=str(METHOD.doi),
        )
    if (organelle, fixation) != (known.organelle, known.fixation):
        raise ModelError(
            f"{path.name} is the file name of {known.name}, {known.organelle} {known.fixation}; got {organelle} "
            f"{fixation}: correct the options, or rename the file if it is another checkpoint"
        )
    claims = known.claims
    if voxel_size_nm != known.voxel_size_nm:
        claims += (f"registered with voxels of {known.voxel_size_nm} nm, imported for {voxel_size_nm} nm on request",)
    return attrs.evolve(
        known, voxel_size_nm=voxel_size_nm, claims=claims, normalise=known.normalise if normalise is None else normalise
    )


def file_name(spec: CheckpointSpec) -> str:
    """Last part of the address.

    >>> file_name(CheckpointSpec(name="a/1", uri="s3://b/er.pt", organelle="er", title="ER", voxel_size_nm=(5, 5, 5),
    ...     fixation="CF", licence="", citation="", doi=""))
    'er.pt'
    """
    return spec.uri.rpartition("/")[2]


def checkpoint_card(spec: CheckpointSpec) -> Card:
    """The card of a package made from the checkpoint; its first line says what images the weights want."""
    voxel = " x ".join(f"{v:g}" for v in spec.voxel_size_nm)
    wants = f"wants images after {in_words(spec.normalise)}, which `asem segment` does by itself; " * bool(
        spec.normalise
    )
    cells = " and ".join(spec.cells)
    if spec.cells:
        what = f"the published checkpoint {spec.name}"
        makers = f"trained by the authors of ASEM (Gallusser et al. 2022) on {cells}"
        authors = ("The authors of ASEM (Gallusser et al. 2022)",)
    else:
        what = "a checkpoint"
        makers = "trained with the published ASEM program; by whom and on what was not stated to the import"
        authors = ("not stated",)
    return Card(
        title=f"ASEM {spec.title}",
        description=f"Finds {spec.organelle} in FIB-SEM volumes of {spec.fixation} samples at {voxel} nm: {what} of "
        "the ASEM network, converted. Its accuracy was not measured here.",
        trained_on=f"{wants}{makers} ({spec.fixation}, {voxel} nm)",
        data=(
            f"Training: {cells or 'not stated'}.",
            "The test tensors and the cover of this package are smooth noise: they prove an installation, and show no "
            "tissue.",
        ),
        licence=spec.licence,
        split="see the publication.",
        known_failures=(
            *spec.known_failures,
            f"Trained on {spec.fixation} samples: models do not carry over between chemical fixation (CF) and "
            "high-pressure freezing (HPFS); expect failure on the other.",
            "Other normalisation than the one named in the first line shifts the grey values that the weights know.",
        ),
        citation=(Citation(text=spec.citation, doi=spec.doi),),
        authors=authors,
        tags=("3d", "electron-microscopy", "fib-sem", "segmentation", "unet", spec.organelle),
    )
