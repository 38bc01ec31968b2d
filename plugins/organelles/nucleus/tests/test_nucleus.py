"""Nuclei as they are drawn become nuclei as they are scored: at 200 nm, so that 10 um^3 are 1250 voxels."""

from __future__ import annotations

from pathlib import Path

import asem_organelle_nucleus
import numpy as np
import pytest
from asem_organelle_nucleus.plugin import asem_register_organelles
from numpy.typing import NDArray

from asem_core import VoxelSize, open_labels, prepare_labels
from asem_core.predict.grids import plan_grids
from asem_core.specs import OrganelleSpec
from asem_core.training.recipe import load_recipe

SIZE = (200.0, 200.0, 200.0)


@pytest.fixture
def organelle() -> OrganelleSpec:
    (spec,) = asem_register_organelles()
    return spec


@pytest.fixture
def drawn() -> NDArray[np.uint8]:
    """A nucleus whose nucleolus (8 um^3) was left out, a micronucleus (0.5 um^3) and a speck (0.06 um^3)."""
    labels = np.zeros((40, 40, 60), np.uint8)
    labels[4:36, 4:36, 4:36] = 1
    labels[12:22, 12:22, 12:22] = 0
    labels[10:14, 10:14, 44:48] = 1
    labels[30:32, 30:32, 50:52] = 1
    return labels


def test_nucleoli_are_filled_and_specks_go(drawn: NDArray[np.uint8], organelle: OrganelleSpec, tmp_path: Path) -> None:
    np.save(tmp_path / "drawn.npy", drawn)
    prepare_labels(tmp_path / "drawn.npy", tmp_path / "truth.zarr", organelle=organelle, voxel_size=SIZE)
    truth = open_labels(tmp_path / "truth.zarr", "nucleus")
    expected = drawn.copy()
    expected[12:22, 12:22, 12:22] = 1
    expected[30:32, 30:32, 50:52] = 0
    np.testing.assert_array_equal(truth.read(truth.box), expected)


def test_the_recipe_takes_volumes_of_4_nm() -> None:
    recipe = load_recipe(Path(asem_organelle_nucleus.__file__).parent / "nucleus_32nm.yaml")
    grids = plan_grids((80, 80, 80), VoxelSize((4.0, 4.0, 4.0)), VoxelSize(recipe.voxel_size_nm))
    assert grids.model_shape == (10, 10, 10)
