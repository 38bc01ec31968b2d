"""What `asem finetune` says when it is done; what it does is tested in tests/unit/finetuning."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from asem_core import finetuning
from asem_core.cli.finetune import finetune

QUANTISE = "asem zoo quantise run/model -o run/model_int8"


@pytest.mark.parametrize(
    ("installed", "said"),
    [(True, f"on a CPU: {QUANTISE}"), (False, f"on a CPU: pip install 'asem-core[quantise]', then {QUANTISE}")],
)
def test_how_the_new_model_gets_8_bit_integers(installed: bool, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = SimpleNamespace(model=Path("run/model"))
    monkeypatch.setattr(finetuning, "finetune", lambda *_, **__: done, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: installed or None)
    result = CliRunner().invoke(finetune, ["cell.zarr", "drawn.zarr", "-o", "run"])
    assert result.exit_code == 0, (result.output, result.exception)
    assert said in result.output
