"""What OpenVINO runs, folded convolutions included, against what a package says that its graph gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="there is no OpenVINO for this platform")
mito = pytest.importorskip("asem_organelle_mito")


def test_float32_gives_the_test_output_of_the_package() -> None:
    from asem_core.models.runtimes.openvino_runtime import open_session
    from asem_core.network import TILE_HALO

    folder = Path(mito.__file__).parent / "models" / "mito_10nm"
    raw, expected = np.load(folder / "test_input.npy"), np.load(folder / "test_output.npy")
    session = open_session(folder / "weights.onnx", shape=raw.shape, precision="f32", threads=1)
    found = session.run(raw.astype(np.float32) * np.float32(2 / 255) - 1)
    inner = (slice(None), slice(None), *[slice(TILE_HALO, -TILE_HALO)] * 3)
    assert np.ptp(expected[inner]) > 0.5, "the package's input holds an organelle"
    np.testing.assert_allclose(found[inner], expected[inner], atol=1e-5)
