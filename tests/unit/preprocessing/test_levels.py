"""The range of grey."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from asem_core.errors import VolumeError
from asem_core.preprocessing.levels import to_grey_range


def test_uint8_stays_as_it_is() -> None:
    raw = np.arange(256, dtype=np.uint8)
    assert to_grey_range(raw) is raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (np.array([0, 257, 65535], np.uint16), [0, 1, 255]),
        (np.array([0, 0.5, 1], np.float32), [0, 127.5, 255]),
        (np.array([0, 0.5, 1], np.float64), [0, 127.5, 255]),
    ],
)
def test_other_types_come_to_0_to_255(raw: npt.NDArray[np.generic], expected: list[float]) -> None:
    grey = to_grey_range(raw)
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint32", "uint64", "bool"])
def test_types_that_do_not_say_what_is_white_are_refused(dtype: str) -> None:
    with pytest.raises(VolumeError, match=f"found {dtype}; say which levels are black and white"):
        to_grey_range(np.zeros(3, dtype))
