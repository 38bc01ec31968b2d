"""Entry point: the organelle ``mito`` and its models, the packages under ``models/``."""

from __future__ import annotations

from pathlib import Path

from asem_core.hookspecs import hookimpl
from asem_core.specs import OrganelleSpec, Separation, StageRef, packaged_models

_PACKAGE = "asem_organelle_mito"


@hookimpl
def asem_register_organelles() -> list[OrganelleSpec]:
    """Mitochondria. Numbers: Gallusser et al. 2022, voxels of a 5 nm grid."""
    models = packaged_models(_PACKAGE, Path(__file__).parent)
    return [
        OrganelleSpec(
            name="mito",
            title="Mitochondria",
            cleanup=(StageRef(name="remove_small_objects", params={"min_voxels": 27}),),
            dilate_voxels=1,
            exclusion_zone=StageRef(name="shell", params={"dilate": 4, "erode": 4}),
            zone_presets={"incasem": StageRef(name="shell", params={"dilate": 4, "erode": 4})},
            threshold=0.5,
            instances=True,
            separation=Separation(persistence=0.2, persistence_nm=30.0, reach_nm=200.0),  # docs/instances.md
            models=models,
            default_model="mito-10nm" if models else None,
            recipe=f"{_PACKAGE}:mito_10nm.yaml",
            citation="Gallusser et al. 2022, bioRxiv 2022.08.02.502534, https://doi.org/10.1101/2022.08.02.502534",
        )
    ]
