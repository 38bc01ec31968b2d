"""Blockwise components are those of the whole volume, numbered alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from asem_core.blocks.components import Components, connected_components
from asem_core.geometry import Box, Triple


def label(mask: Any, connectivity: Any, block: Triple, scratch: Path, **more: Any) -> Components:
    return connected_components(
        lambda box: mask[box.slices], mask.shape, connectivity=connectivity, scratch=scratch, block=block, **more
    )


def expected(mask: Any, connectivity: int) -> Any:
    """scipy's ids, renumbered in the order of the first voxels."""
    ids, count = ndimage.label(mask, ndimage.generate_binary_structure(3, {6: 1, 26: 3}[connectivity]))
    _, first = np.unique(ids[ids > 0], return_index=True)
    order = np.zeros(count + 1, np.int64)
    order[np.argsort(first) + 1] = np.arange(1, count + 1)
    return order[ids]


sides = st.integers(1, 13)
volumes = st.tuples(sides, sides, sides)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(shape=volumes, block=volumes, connectivity=st.sampled_from([6, 26]), seed=st.integers(0, 999),
       density=st.sampled_from([0.05, 0.3, 0.5, 0.9]))  # fmt: skip
def test_equal_to_the_whole_volume(shape: Triple, block: Triple, connectivity: int, seed: int, density: float) -> None:
    mask = np.random.default_rng(seed).random(shape) < density
    whole = expected(mask, connectivity)
    with TemporaryDirectory() as folder:
        found = label(mask, connectivity, block, Path(folder) / "ids")
        assert np.array_equal(found.ids(Box.of_shape(shape)), whole)
        corner = Box([n // 3 for n in shape], shape)
        assert np.array_equal(found.ids(corner), whole[corner.slices])
    assert len(found) == whole.max()
    assert np.array_equal(found.voxels[1:], np.bincount(whole.ravel(), minlength=len(found) + 1)[1:])
    faces = {int(i) for axis in range(3) for end in (0, -1) for i in np.unique(np.take(whole, end, axis=axis))}
    assert {i for i in range(len(found) + 1) if found.on_face[i]} == faces - {0}


@pytest.mark.parametrize(("connectivity", "count"), [(6, 2), (26, 1)])
def test_voxels_that_touch_at_a_corner_of_blocks(tmp_path: Path, connectivity: int, count: int) -> None:
    mask = np.zeros((8, 8, 8), bool)
    mask[3, 3, 4] = mask[4, 4, 3] = True
    assert len(label(mask, connectivity, (4, 4, 4), tmp_path / "ids")) == count


def test_nothing_in_the_mask(tmp_path: Path) -> None:
    found = label(np.zeros((5, 6, 7), bool), 26, (4, 4, 4), tmp_path / "ids")
    assert len(found) == 0
    assert not found.ids(Box.of_shape((5, 6, 7))).any()
    assert found.voxels.tolist() == [0]


def test_progress_counts_every_block_twice(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    label(np.ones((4, 4, 8), bool), 6, (4, 4, 4), tmp_path / "ids", progress=lambda *step: seen.append(step))
    assert seen[0] == ("components", 0, 2)
    assert seen[-1] == ("components: merging", 2, 2)


def test_blocks_that_are_done_are_not_labelled_again(tmp_path: Path) -> None:
    mask = np.random.default_rng(3).random((9, 10, 11)) < 0.3
    done: set[Box] = set()
    read: list[Box] = []

    def each(sweep: str, blocks: Sequence[Box], write: Callable[[Box], Sequence[Path]]) -> None:
        assert sweep == "components"
        for box in blocks:
            if box not in done:
                assert all(path.is_file() and path.is_relative_to(tmp_path / "ids") for path in write(box))
                done.add(box)
                if len(done) == 5:
                    raise KeyboardInterrupt

    def noted(box: Box) -> Any:
        read.append(box)
        return mask[box.slices]

    def go() -> Components:
        return connected_components(
            noted, mask.shape, connectivity=26, scratch=tmp_path / "ids", block=(4, 4, 4), each=each
        )

    with pytest.raises(KeyboardInterrupt):
        go()
    for _ in range(2):
        found = go()
        assert np.array_equal(found.ids(Box.of_shape(mask.shape)), expected(mask, 26))
    assert len(read) == len(set(read)) == 27
