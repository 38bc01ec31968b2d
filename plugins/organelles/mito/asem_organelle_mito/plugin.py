"""Entry point: the organelle ``mito``.

Its models are the packages under ``models/``; what they are is read from each one's ``model.json``, which
`asem zoo package` wrote together with the weights. The sha256 in it is compared with ``weights.onnx`` whenever the
package is opened. That finds damage: a truncated download, a half-updated folder, weights exchanged by mistake. It does
not protect against somebody who can write into the installed package, and a sha256 in this file would not either.
"""

from __future__ import annotations

import json
from pathlib import Path

from asem_core.hookspecs import hookimpl
from asem_core.specs import ExclusionZone, ModelSpec, OrganelleSpec, StageRef

_PACKAGE = "asem_organelle_mito"
_MODELS = Path(__file__).parent / "models"
_DEFAULT_MODEL = "mito-10nm"


@hookimpl
def asem_register_organelles() -> list[OrganelleSpec]:
    """Mitochondria. Numbers: Gallusser et al. 2022, voxels of a 5 nm grid."""
    models = tuple(_read_model(manifest) for manifest in sorted(_MODELS.glob("*/model.json")))
    return [
        OrganelleSpec(
            name="mito",
            title="Mitochondria",
            cleanup=(StageRef(name="remove_small_objects", params={"min_voxels": 27}),),
            dilate_voxels=1,
            exclusion_zone=ExclusionZone(dilate=4, erode=4),
            zone_presets={"incasem": ExclusionZone(dilate=4, erode=4)},
            threshold=0.5,
            instances=True,
            models=models,
            default_model=_DEFAULT_MODEL if any(model.id == _DEFAULT_MODEL for model in models) else None,
            recipe=f"{_PACKAGE}:mito_10nm.yaml",
            citation="Gallusser et al. 2022, bioRxiv 2022.08.02.502534, https://doi.org/10.1101/2022.08.02.502534",
        )
    ]


def _read_model(manifest: Path) -> ModelSpec:
    values = json.loads(manifest.read_text())
    values["preprocess"] = tuple(StageRef(**stage) for stage in values["preprocess"])
    values["voxel_size_nm"] = tuple(values["voxel_size_nm"])
    return ModelSpec(**values, package=f"{_PACKAGE}:models/{manifest.parent.name}")
