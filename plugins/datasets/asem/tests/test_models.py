"""The seven published checkpoints: complete, consistent with the cells, ready for a card."""

from __future__ import annotations

from pathlib import Path

import pytest
from asem_dataset_asem.cells import read_cells
from asem_dataset_asem.models import read_models

from asem_core.preprocessing.stages import make_steps
from asem_core.registry import make_registry
from asem_core.zoo.write.checkpoint import checkpoint_card, describe_checkpoint, file_name

MODELS = {spec.name.rpartition("/")[2]: spec for spec in read_models()}


def test_seven_models_of_five_organelles() -> None:
    assert {number: (spec.organelle, spec.fixation) for number, spec in MODELS.items()} == {
        "1837": ("golgi", "CF"), "1841": ("er", "CF"), "1847": ("mito", "CF"), "1675": ("mito", "HPFS"),
        "1669": ("er", "HPFS"), "1986": ("ccp", "HPFS"), "2000": ("pore", "HPFS"),
    }  # fmt: skip
    assert {spec.base for spec in MODELS.values()} == {32}


@pytest.mark.parametrize("number", MODELS)
def test_a_model_is_complete(number: str) -> None:
    spec = MODELS[number]
    registry = make_registry()
    assert registry.checkpoints[spec.name] == spec
    assert spec.organelle in registry.organelles
    assert spec.uri == f"s3://asem-project/models/pretrained_checkpoints/{file_name(spec)}"
    assert number in file_name(spec)
    assert file_name(spec).endswith(f"_{spec.fixation}.pt")
    fixation = {cell.name: cell.fixation for cell in read_cells()}
    assert {fixation["_".join(cell.split()[:2])] for cell in spec.cells} == {spec.fixation}
    (step,) = make_steps(spec.normalise, registry)
    assert (step.params.kernel, step.params.clip) == (128, 0.02)
    card = checkpoint_card(spec)
    assert card.trained_on.startswith(
        "wants images after clahe:kernel=128,clip=0.02, which `asem segment` does by itself"
    )
    assert "ask the authors" in card.licence
    again = describe_checkpoint(
        Path(file_name(spec)),
        organelle=spec.organelle,
        fixation=spec.fixation,
        voxel_size_nm=spec.voxel_size_nm,
        registry=registry,
    )
    assert again == spec


@pytest.mark.parametrize("number", ["1986", "2000"])
def test_pits_and_pores_are_4_nm_and_both_claims_are_kept(number: str) -> None:
    assert MODELS[number].voxel_size_nm == (4, 4, 4)
    assert any("5 x 5 x 5 nm" in claim and "4 x 4 x 4 nm" in claim for claim in MODELS[number].claims)
