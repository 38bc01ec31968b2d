"""BiaPy, a program of others, takes a package of our zoo and predicts what we do, from the PyTorch weights.

`make test-biapy` installs it into an environment of its own, since it wants other versions of what ASEM needs too.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from asem_core.zoo.files import ONNX_NAME, TEST_INPUT_NAME
from asem_core.zoo.write.export import export_zip
from asem_core.zoo.write.stages import FIXED, as_told

from ..conftest import ROOT

CLIENT = Path(__file__).with_name("biapy_client.py")
CLOSE = 1e-5


@pytest.mark.slow
def test_biapy_predicts_what_we_do(tmp_path: Path) -> None:
    python = os.environ.get("ASEM_BIAPY")
    if not python:
        pytest.skip(
            "no BiaPy here: `make test-biapy` installs it and runs this (or set ASEM_BIAPY to a Python that has it)"
        )
    package = ROOT / "plugins/organelles/mito/asem_organelle_mito/models/mito_compact_10nm"
    grey = np.load(package / TEST_INPUT_NAME)
    np.save(tmp_path / "grey.npy", grey[0, 0])
    archive = export_zip(package, tmp_path / "model.zip")
    command = [python, CLIENT, archive, tmp_path / "grey.npy", tmp_path / "found.npy"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    session = onnxruntime.InferenceSession(package / ONNX_NAME, providers=["CPUExecutionProvider"])
    (ours,) = session.run(None, {session.get_inputs()[0].name: as_told(grey, [FIXED])})
    theirs = np.load(tmp_path / "found.npy")
    assert ours.max() > 0.9, "there must be something to see"
    assert np.abs(theirs - ours[0, 0]).max() < CLOSE
