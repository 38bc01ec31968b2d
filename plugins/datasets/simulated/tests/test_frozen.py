"""Naive cells, and a small cell of every preset, are drawn for ever as they were first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asem_dataset_simulated import Request, make_view, render_cell, simulate_tissue
from asem_dataset_simulated.cell.named import CELLS
from asem_dataset_simulated.cell.style import LABELS
from asem_dataset_simulated.simulate import PRESETS, TISSUE

from asem_core.geometry import Box, Triple

FROZEN: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "frozen.json").read_text())
"""By name what `fingerprint` said when the name was given. A line is added with a new name, and none is changed."""
_SHAPE: Triple = (16, 48, 48)
_STEP = 6


def fingerprint(name: str) -> dict[str, Any]:
    """Some grey values of a window, in hexadecimal digits, and how many voxels each label has in it."""
    if name == TISSUE:
        tissue = simulate_tissue(_SHAPE, seed=1)
        image, counts = tissue.raw, {"mito": int((tissue.mito > 0).sum())}
    else:
        options: dict[str, Any] = {} if name in CELLS else {"seed": 1, "diameter_um": 2.5}
        view = make_view(Request(preset=name, shape=_SHAPE, **options))
        drawn = render_cell(view, Box.of_shape(view.shape))
        image = drawn["image"]
        counts = {label: int((drawn[label] > 0).sum()) for label in LABELS if drawn[label].any()}
    return {"image": image[::_STEP, ::_STEP, ::_STEP].tobytes().hex(), "voxels": counts}


def test_every_preset_and_naive_cell_is_frozen() -> None:
    assert set(FROZEN) == {TISSUE, *PRESETS, *(name for name, cell in CELLS.items() if cell.role == "naive")}


@pytest.mark.slow
@pytest.mark.parametrize("name", FROZEN)
def test_a_name_stands_for_the_same_voxels_for_ever(name: str) -> None:
    """To one grey value and a few voxels: matrix products are rounded differently on another processor."""
    found, first = fingerprint(name), FROZEN[name]
    grey, before = (np.frombuffer(bytes.fromhex(it["image"]), np.uint8).astype(int) for it in (found, first))
    np.testing.assert_allclose(grey, before, atol=1)
    assert np.mean(grey != before) < 0.02
    assert found["voxels"] == {label: pytest.approx(count, abs=5) for label, count in first["voxels"].items()}
