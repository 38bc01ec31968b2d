"""What a stage is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from asem_core import Registry, Volume
from asem_core.errors import PluginError
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.specs import StageRef
from asem_core.testing.samples import STORED, stored_as

GREY = np.arange(24).reshape(2, 3, 4) * 10


@pytest.mark.parametrize("dtype", STORED)
def test_one_that_judges_a_voxel_by_its_value_is_given_0_to_255(
    registry: Registry, as_volume: Callable[..., Volume], dtype: str
) -> None:
    image: Any = as_volume(stored_as(dtype, GREY))
    steps = make_steps([StageRef(name="scale_linear"), StageRef(name="scale_linear", params={"gain": 10.0})], registry)
    found = normalised(image, steps, measure(image, steps))
    once = GREY * 2 / 255 - 1
    np.testing.assert_allclose(found.read(found.box), 10 * once - 1, atol=1e-5)


@pytest.mark.parametrize("last", ["clahe", "percentile_rescale", "equalize_histogram"])
def test_what_looks_at_the_volume_is_given_bytes(registry: Registry, last: str) -> None:
    stages = [StageRef(name=name) for name in ("clahe", "scale_linear", last)]
    with pytest.raises(PluginError, match=f"'scale_linear' gives float32, but '{last}' after it must be given uint8"):
        make_steps(stages, registry)
    assert len(make_steps([stages[0], stages[2], stages[1]], registry)) == 3
