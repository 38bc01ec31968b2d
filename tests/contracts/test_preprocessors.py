"""A preprocessor of a plugin: by parts as on the whole, and named where it gives something else than it states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asem_core import Box, VoxelSize
from asem_core.errors import PluginError
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.specs import PreprocessorSpec, StageRef
from asem_core.volume.volume import Volume

from .toys import plugin, registry_of

HERE = f"{__name__.rpartition('.')[0]}.preprocessors"
RAW = np.random.default_rng(1).integers(0, 256, (12, 14, 16)).astype(np.uint8)


def darkened(fn: str, **params: Any) -> Volume:
    spec = PreprocessorSpec(
        name="darken",
        version="1",
        summary="",
        fn=f"{HERE}:{fn}",
        params=f"{HERE}:Darken",
        halo=f"{HERE}:darken_halo",
        dtype_out="uint8",
    )
    registry = registry_of(darken=plugin(asem_register_preprocessors=lambda: [spec]))
    volume = Volume(array=RAW, voxel_size=VoxelSize((10, 5, 5)), uri="memory", format="memory", chunks=(8, 8, 8))
    steps = make_steps([StageRef(name="darken", params=params)], registry)
    return normalised(volume, steps, measure(volume, steps))


@pytest.mark.parametrize("reach_nm", [0, 5, 20])
def test_parts_are_those_of_the_whole_with_the_halo_of_the_parameters(reach_nm: float) -> None:
    found = darkened("darken", reach_nm=reach_nm)
    whole = found.read(found.box)
    assert (whole == RAW).all() == (reach_nm == 0)
    for box in found.box.tiles((5, 6, 7)):
        np.testing.assert_array_equal(found.read(box), whole[box.slices])


@pytest.mark.parametrize(
    ("fn", "says"),
    [
        ("of_another_type", r"the preprocessor darken must give uint8 \(3, 6, 6\), got float32 \(3, 6, 6\)"),
        ("of_another_shape", r"the preprocessor darken must give uint8 \(3, 6, 6\), got uint8 \(2, 6, 6\)"),
    ],
)
def test_a_wrong_one_is_named(fn: str, says: str) -> None:
    with pytest.raises(PluginError, match=says):
        darkened(fn, reach_nm=10).read(Box((4, 4, 4), (5, 6, 6)))
