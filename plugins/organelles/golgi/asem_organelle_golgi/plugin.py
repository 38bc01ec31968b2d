"""Entry point: the organelle ``golgi`` and its models, the packages under ``models/``."""

from __future__ import annotations

from pathlib import Path

from asem_core.hookspecs import hookimpl
from asem_core.specs import OrganelleSpec, Separation, StageRef, packaged_models

_PACKAGE = "asem_organelle_golgi"


@hookimpl
def asem_register_organelles() -> list[OrganelleSpec]:
    """Golgi apparatus. Numbers: Gallusser et al. 2022, voxels of a 5 nm grid; ``incasem``: its program's."""
    models = packaged_models(_PACKAGE, Path(__file__).parent)
    return [
        OrganelleSpec(
            name="golgi",
            title="Golgi apparatus",
            cleanup=(StageRef(name="remove_small_objects", params={"min_voxels": 27}),),
            dilate_voxels=3,
            exclusion_zone=StageRef(name="shell", params={"dilate": 2, "erode": 2}),
            zone_presets={"incasem": StageRef(name="shell", params={"dilate": 2, "erode": 2})},
            threshold=0.5,
            instances=True,
            separation=Separation(persistence=1.0, reach_nm=50.0),  # what touches is one: nothing else was measured
            models=models,
            default_model="golgi-10nm" if models else None,
            recipe=f"{_PACKAGE}:golgi_10nm.yaml",
            citation="Gallusser et al. 2022, bioRxiv 2022.08.02.502534, https://doi.org/10.1101/2022.08.02.502534",
        )
    ]
