"""Files of PyTorch, whole and damaged."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from asem_core.errors import ModelError
from asem_core.training.saved import read_saved

VALUES = {"iteration": 3, "weights": {"a": torch.arange(300.0), "b": torch.ones(2, 3)}}


def test_reads_tensors_and_plain_values(tmp_path: Path) -> None:
    torch.save(VALUES, tmp_path / "saved.pt")
    found = read_saved(tmp_path / "saved.pt")
    assert found["iteration"] == 3
    assert torch.equal(found["weights"]["a"], torch.arange(300.0))


@pytest.mark.parametrize("zipped", [True, False])
def test_damage_is_one_kind_of_error(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "saved.pt"
    torch.save(VALUES, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    chance = random.Random(1)
    messages = []
    for turn in range(120):
        damaged = bytearray(whole[: chance.randrange(len(whole))] if turn % 2 else whole)
        if not turn % 2:
            for _ in range(3):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            read_saved(path)  # a changed value in a tensor is nobody's error
        except ModelError as error:
            messages.append(str(error))
    assert len(messages) > 60
    assert all(str(path) in message and "\n" not in message for message in messages)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_saved(tmp_path / "saved.pt")
    torch.save({"code": random.Random}, tmp_path / "code.pt")
    with pytest.raises(ModelError, match="damaged, or no file of PyTorch"):
        read_saved(tmp_path / "code.pt")
