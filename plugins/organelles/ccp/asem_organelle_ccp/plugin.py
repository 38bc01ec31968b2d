"""Entry point: the organelle ``ccp`` and its models, the packages under ``models/``."""

from __future__ import annotations

from pathlib import Path

from asem_core.hookspecs import hookimpl
from asem_core.specs import OrganelleSpec, Separation, StageRef, packaged_models

_PACKAGE = "asem_organelle_ccp"


@hookimpl
def asem_register_organelles() -> list[OrganelleSpec]:
    """Coated pits and vesicles. Numbers: Gallusser et al. 2022, voxels of a 5 nm grid; ``incasem``: its program's."""
    models = packaged_models(_PACKAGE, Path(__file__).parent)
    return [
        OrganelleSpec(
            name="ccp",
            title="Clathrin-coated pits and vesicles",
            dilate_voxels=0,
            exclusion_zone=StageRef(name="shell", params={"dilate": 3, "erode": 1}),
            zone_presets={"incasem": StageRef(name="shell", params={"dilate": 2, "erode": 2})},
            threshold=0.5,
            instances=True,
            separation=Separation(persistence=1.0, reach_nm=50.0),  # what touches is one: nothing else was measured
            models=models,
            default_model="ccp-10nm" if models else None,
            recipe=f"{_PACKAGE}:ccp_10nm.yaml",
            citation="Gallusser et al. 2022, bioRxiv 2022.08.02.502534, https://doi.org/10.1101/2022.08.02.502534",
        )
    ]
