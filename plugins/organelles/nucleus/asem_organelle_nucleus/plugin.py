"""Entry point: the organelle ``nucleus`` and its models, the packages under ``models/``."""

from __future__ import annotations

from pathlib import Path

from asem_core.hookspecs import hookimpl
from asem_core.specs import OrganelleSpec, Separation, StageRef, packaged_models

_PACKAGE = "asem_organelle_nucleus"
_PER_UM3 = 8_000_000
"""Voxels of 125 nm^3."""


@hookimpl
def asem_register_organelles() -> list[OrganelleSpec]:
    """Nuclei, out to the middle of the envelope. Widths are voxels of a 5 nm grid."""
    models = packaged_models(_PACKAGE, Path(__file__).parent)
    return [
        OrganelleSpec(
            name="nucleus",
            title="Nuclei",
            cleanup=(
                # Nucleoli that were left out.
                StageRef(name="fill_holes", params={"max_voxels": 10 * _PER_UM3}),
                # Specks; micronuclei stay.
                StageRef(name="remove_small_objects", params={"min_voxels": _PER_UM3 // 10}),
            ),
            dilate_voxels=0,
            # The envelope, 50 nm where fixation swells it: whether it is drawn as part of the nucleus is a convention.
            exclusion_zone=StageRef(name="shell", params={"dilate": 5, "erode": 5}),
            threshold=0.5,
            instances=True,
            separation=Separation(persistence=1.0, reach_nm=50.0, min_volume_nm3=1e8),  # what touches is one
            models=models,
            default_model="nucleus-32nm" if models else None,
            recipe=f"{_PACKAGE}:nucleus_32nm.yaml",
            citation="the ASEM developers, for envelopes of 40 to 50 nm; not published",
        )
    ]
