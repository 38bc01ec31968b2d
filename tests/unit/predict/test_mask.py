"""A mask as `asem mask` makes it saves the tiles outside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from asem_core import Registry, Volume, open_labels, open_volume, segment
from asem_core.errors import GeometryError
from asem_core.mask import CellMask, make_mask
from asem_core.models.runtimes.onnx_session import OnnxSession


@pytest.mark.slow
def test_only_tiles_that_meet_the_mask_are_predicted(
    toy: Any, registry: Registry, as_volume: Callable[..., Volume], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = np.full((20, 20, 100), 230, np.uint8)
    raw[..., :50] = 100
    cell = as_volume(raw)
    make_mask(cell, tmp_path / "mask.zarr", params=CellMask(high=180, min_object=0, max_hole=0))
    predicted = []
    run = OnnxSession.run

    def counted(session: OnnxSession, tensor: Any) -> Any:
        predicted.append(1)
        return run(session, tensor)

    monkeypatch.setattr(OnnxSession, "run", counted)
    settings = {
        "organelle": toy.organelle, "registry": registry, "runtime": "onnxruntime", "tile": 168,
        "max_memory": 2 * 10**9, "prob_dtype": "float32",
    }  # fmt: skip
    segment(cell, tmp_path / "all.zarr", **settings)
    assert len(predicted) == 2
    segment(cell, tmp_path / "masked.zarr", mask=tmp_path / "mask.zarr", **settings)
    assert len(predicted) == 2 + 1
    everywhere, masked = (open_labels(tmp_path / f"{name}.zarr", "toy") for name in ("all", "masked"))
    mask = open_volume(tmp_path / "mask.zarr")
    np.testing.assert_array_equal(masked.read(mask.box), everywhere.read(mask.box) * mask.read(mask.box))


def test_a_mask_of_other_voxels_is_refused(
    toy: Any, registry: Registry, as_volume: Callable[..., Volume], tmp_path: Path
) -> None:
    cell = as_volume(np.zeros((20, 20, 20), np.uint8))
    mask = zarr.create_array(tmp_path / "mask.zarr", data=np.ones((40, 40, 40), np.uint8), zarr_format=2)
    mask.attrs["resolution"] = [5, 5, 5]
    given: dict[str, Any] = {"mask": tmp_path / "mask.zarr", "registry": registry}
    told = r"mask\.zarr has voxels of 5 x 5 x 5 nm but memory has 10 x 10 x 10 nm"
    with pytest.raises(GeometryError, match=told):
        segment(cell, tmp_path / "out.zarr", organelle=toy.organelle, **given)
    assert not (tmp_path / "out.zarr").exists()
