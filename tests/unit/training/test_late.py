"""Losses that are read late are told as they would have been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr

from asem_core.registry import Registry
from asem_core.training import loop
from asem_core.training.late import Late, Taken, behind
from asem_core.training.loop import train
from asem_core.training.recipe import structure_recipe


def taken(iteration: int) -> Taken:
    return Taken(iteration=iteration, loss=torch.tensor(float(iteration)), rate=0.1, seconds=1.0, waited=0.0)


@pytest.mark.parametrize("held", [0, 1, 2])
def test_all_are_told_in_order(held: int) -> None:
    told: list[tuple[int, float]] = []
    late = Late(lambda each, loss: told.append((each.iteration, loss)), behind=held)
    for iteration in range(1, 6):
        late.add(taken(iteration))
        assert len(told) == max(0, iteration - held)
    late.flush()
    late.flush()
    assert told == [(n, float(n)) for n in range(1, 6)]


def test_only_a_gpu_is_read_late() -> None:
    assert (behind(torch.device("cpu")), behind(torch.device("cuda", 0))) == (0, 1)


def test_the_journal_is_the_same(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = np.random.default_rng(0).integers(0, 255, (48, 48, 48), np.uint8)
    zarr.save_array(str(tmp_path / "raw.zarr"), raw)
    zarr.save_array(str(tmp_path / "labels.zarr"), (raw > 128).astype(np.uint8))
    data = {"raw": "raw.zarr", "labels": "labels.zarr", "voxel_size_nm": [10, 10, 10]}
    recipe = structure_recipe(
        {
            "organelle": "mito", "voxel_size_nm": [10, 10, 10], "base": 2, "training": [data], "validation": [data],
            "phases": [{"iterations": 5, "side": 32, "padded": True, "rate": [1e-3, 1e-3]}],
            "checkpoint_every": 3, "validate_every": 2,
        },
        where="test",
    )  # fmt: skip

    def run(name: str, held: int) -> list[Any]:
        monkeypatch.setattr(loop, "behind", lambda device: held)
        train(recipe, tmp_path / name, data_folder=tmp_path, registry=registry, device="cpu")
        lines = [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        return [{key: line[key] for key in line if key not in ("seconds", "waited")} for line in lines]

    assert run("late", 1) == run("at once", 0)
