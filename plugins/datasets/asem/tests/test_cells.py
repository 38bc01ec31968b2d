"""What ``cells.yaml`` registers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from asem_dataset_asem.plugin import asem_register_datasets

from asem_core.specs import DatasetSpec


@pytest.fixture
def cells() -> dict[str, DatasetSpec]:
    """By name."""
    return {spec.name: spec for spec in asem_register_datasets()}


def test_every_cell_of_the_paper_is_there(cells: dict[str, DatasetSpec]) -> None:
    numbers = ["1", "1a", "2", "3", "4", "5", "6", "6a", "7", "8", "9", "11", "12", "13", "13a", "15", "16", "17"]
    numbers += ["19", "20", "21", "22"]
    assert set(cells) == {f"cell_{number}" for number in numbers} | {"epfl_hippocampus"}


def test_fixations_and_voxel_sizes(cells: dict[str, DatasetSpec]) -> None:
    fixations = Counter(spec.fixation for spec in cells.values())
    assert fixations == {"CF": 11, "HPFS": 11, None: 1}
    assert {name for name, spec in cells.items() if spec.voxel_size_nm == (10, 10, 10)} == {"cell_8", "cell_9"}
    assert cells["cell_11"].voxel_size_nm == (8, 8, 8)
    assert cells["cell_20"].voxel_size_nm == (3.2, 4, 4)


def test_blocks_with_a_published_place(cells: dict[str, DatasetSpec]) -> None:
    placed = {
        f"{spec.name} {block.name}": (block.start, block.shape)
        for spec in cells.values() for block in spec.blocks if block.start is not None
    }  # fmt: skip
    assert placed.pop("epfl_hippocampus mito-training-1") == ((0, 0, 0), (165, 768, 1024))
    assert placed == {
        "cell_1 er-training-1": ((150, 120, 1295), (600, 590, 1350)),
        "cell_1 er-validation-1": ((150, 120, 2645), (600, 590, 250)),
        "cell_2 er-training-1": ((100, 275, 700), (500, 395, 600)),
        "cell_2 er-validation-1": ((300, 70, 700), (300, 205, 600)),
        "cell_3 mito-fine-tuning-1": ((700, 2000, 6200), (250, 250, 250)),
        "cell_6 er-validation-1": ((400, 926, 2512), (241, 476, 528)),
    }


def test_printed_shapes_do_not_claim_an_order(cells: dict[str, DatasetSpec]) -> None:
    blocks = [block for spec in cells.values() for block in spec.blocks if block.shape and block.start is None]
    assert blocks
    assert not any(block.ordered for block in blocks)
    assert len([block for block in cells["cell_13"].blocks if block.organelle == "ccp"]) == 11
    assert len(cells["cell_13a"].blocks) == 10


def test_crops_of_openorganelle_are_named(cells: dict[str, DatasetSpec]) -> None:
    names = {block.name for block in cells["cell_20"].blocks}
    assert {"er-training-crop111", "er-training-crop33", "er-validation-crop50", "mito-validation-crop34"} <= names


def test_the_epfl_outlines_include_the_membrane(cells: dict[str, DatasetSpec]) -> None:
    assert cells["epfl_hippocampus"].labels["mito"] == {"path": "training_groundtruth.tif", "dilate_voxels": 0}
    assert "dilate_voxels" not in cells["cell_1"].labels["mito"]


def test_every_summary_says_that_the_address_is_not_checked(cells: dict[str, DatasetSpec]) -> None:
    assert all("address not checked" in spec.summary for spec in cells.values())
    assert all("://" not in line for line in _code())


def _code() -> list[str]:
    package = Path(__file__).parents[1] / "asem_dataset_asem"
    return [line for file in package.rglob("*.py") for line in file.read_text().splitlines()]
