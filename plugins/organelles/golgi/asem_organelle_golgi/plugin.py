"""Entry point: the organelle ``golgi``, parameters only; there is no trained model yet."""

from __future__ import annotations

from asem_core.hookspecs import hookimpl
from asem_core.specs import ExclusionZone, OrganelleSpec, StageRef


@hookimpl
def asem_register_organelles() -> list[OrganelleSpec]:
    """Golgi apparatus. Numbers: Gallusser et al. 2022, voxels of a 5 nm grid; ``incasem``: its program's."""
    return [
        OrganelleSpec(
            name="golgi",
            title="Golgi apparatus",
            cleanup=(StageRef(name="remove_small_objects", params={"min_voxels": 27}),),
            dilate_voxels=3,
            exclusion_zone=ExclusionZone(dilate=2, erode=2),
            zone_presets={"incasem": ExclusionZone(dilate=2, erode=2)},
            threshold=0.5,
            instances=True,
            citation="Gallusser et al. 2022, bioRxiv 2022.08.02.502534, https://doi.org/10.1101/2022.08.02.502534",
        )
    ]
