"""Mirroring at the faces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core.geometry import Box
from asem_core.grid.mirror import mirrored_index, mirrored_span, read_mirrored


@given(st.integers(1, 9), st.integers(0, 40), st.integers(0, 40))
def test_mirroring_is_that_of_numpy_and_scipy(n: int, before: int, after: int) -> None:
    index = mirrored_index(-before, n + after, n)
    np.testing.assert_array_equal(index, np.pad(np.arange(n), (before, after), mode="symmetric"))


@given(st.integers(1, 9), st.integers(-30, 30), st.integers(1, 30))
def test_the_span_is_what_the_indices_touch(n: int, start: int, length: int) -> None:
    index = mirrored_index(start, start + length, n)
    low, high = mirrored_span(start, start + length, n)
    assert 0 <= low < high <= n
    assert (low, high) == (index.min(), index.max() + 1)


@settings(deadline=None)
@given(st.tuples(*[st.integers(1, 6)] * 3), st.tuples(*[st.integers(-9, 9)] * 3), st.tuples(*[st.integers(1, 12)] * 3))
def test_reading_past_the_faces(
    shape: tuple[int, int, int], start: tuple[int, int, int], sides: tuple[int, int, int]
) -> None:
    volume = np.arange(np.prod(shape)).reshape(shape)
    box = Box(start, [a + n for a, n in zip(start, sides, strict=True)])
    reads: list[Box] = []

    def read(inner: Box) -> npt.NDArray[np.int_]:
        reads.append(inner)
        assert Box.of_shape(shape).contains(inner), "what is read lies inside"
        return volume[inner.slices]

    margin = 24
    padded = np.pad(volume, margin, mode="symmetric")
    np.testing.assert_array_equal(read_mirrored(read, shape, box), padded[box.shift([margin] * 3).slices])
    assert len(reads) == 1
    if Box.of_shape(shape).contains(box):
        assert reads == [box]


def test_only_the_neighbourhood_of_a_face_is_read() -> None:
    reads: list[Box] = []

    def read(inner: Box) -> npt.NDArray[np.float64]:
        reads.append(inner)
        return np.zeros(inner.shape)

    read_mirrored(read, (1000, 1000, 1000), Box((-3, 990, 10), (5, 1005, 20)))
    assert reads == [Box((0, 990, 10), (5, 1000, 20))]
