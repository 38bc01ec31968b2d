"""A model whose preprocessing needs statistics: segmenting raw is segmenting the volume that was normalised before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest

from asem_core import Registry, Volume
from asem_core.geometry import Box
from asem_core.predict.segment import segment
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.specs import OrganelleSpec, StageRef
from asem_core.volume import open_volume

CLAHE = StageRef(name="clahe", params={"kernel": 24})
SCALE = StageRef(name="scale_linear")


def with_clahe(organelle: OrganelleSpec) -> OrganelleSpec:
    model = attrs.evolve(organelle.models[0], preprocess=(CLAHE, SCALE))
    return attrs.evolve(organelle, models=(model,))


@pytest.mark.parametrize("voxel_nm", [10.0, 8.0])
def test_statistics_are_those_of_the_whole_input(
    tmp_path: Path,
    registry: Registry,
    toy: Any,
    tissue: npt.NDArray[np.uint8],
    as_volume: Callable[..., Volume],
    voxel_nm: float,
) -> None:
    raw = tissue.copy()
    raw[40:] //= 2  # the ROI lies above: statistics of it alone would differ
    volume = as_volume(raw, (voxel_nm,) * 3)
    steps = make_steps([CLAHE], registry)
    before = normalised(volume, steps, measure(volume, steps))
    roi = Box((0, 0, 0), (36, 64, 64))
    options: dict[str, Any] = {"registry": registry, "roi": roi, "tile": 168, "runtime": "onnxruntime", "workers": 1}
    plain = segment(
        as_volume(before.read(before.box), volume.voxel_size.zyx),
        tmp_path / "a.zarr",
        organelle=toy.organelle,
        **options,
    )
    found = segment(volume, tmp_path / "b.zarr", organelle=with_clahe(toy.organelle), **options)
    expected, result = (open_volume(s.path, registry=registry) for s in (plain, found))
    np.testing.assert_array_equal(result.read(result.box), expected.read(expected.box))
    assert result.read(result.box).std() > 1
    assert not (tmp_path / "b.zarr.work").exists()
