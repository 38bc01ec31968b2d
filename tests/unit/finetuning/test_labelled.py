"""What of a volume is labelled: boxes, strokes, and what nothing can be learned from."""

from __future__ import annotations

import logging
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest

from asem_core.errors import GeometryError, RecipeError
from asem_core.finetuning.labelled import Labelled, check_both, find_labelled
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import Volume

SIZE = VoxelSize((10, 10, 10))


def volume(array: npt.NDArray[Any], at: tuple[float, float, float] | None = None, size: VoxelSize = SIZE) -> Volume:
    return Volume(array=array, voxel_size=size, uri="memory", format="memory", chunks=(8, 8, 8),
                  lower_edge_nm=at or (0, 0, 0), states_place=at is not None)  # fmt: skip


RAW = volume(np.zeros((40, 50, 60), np.uint8), at=(0, 0, 0))


def drawn(shape: tuple[int, int, int] = (40, 50, 60)) -> npt.NDArray[np.uint8]:
    labels = np.zeros(shape, np.uint8)
    labels[5:10, 10:20, 10:30] = 1
    return labels


def test_everything_counts_where_nothing_is_unlabelled() -> None:
    (found,) = find_labelled(RAW, volume(drawn(), at=(0, 0, 0)))
    assert found.box == RAW.box
    assert (found.organelle, found.background) == (1000, 40 * 50 * 60 - 1000)
    assert found.um3 == pytest.approx(40 * 50 * 60 * 1e-6)


def test_labels_that_are_smaller_lie_where_they_say() -> None:
    (found,) = find_labelled(RAW, volume(drawn((20, 30, 40)), at=(100, 200, 150)))
    assert found.box == Box((10, 20, 15), (30, 50, 55))
    assert found.organelle == 1000


def test_several_boxes() -> None:
    rois = [Box((0, 0, 0), (20, 50, 60)), Box((20, 0, 0), (40, 50, 60))]
    first, second = find_labelled(RAW, volume(drawn(), at=(0, 0, 0)), rois=rois)
    assert [first.box, second.box] == rois
    assert (first.organelle, second.organelle) == (1000, 0)


def test_strokes_are_cut_to_where_they_lie() -> None:
    strokes = np.zeros(RAW.shape, np.uint8)
    strokes[8:12, 10, 5:50] = 1
    strokes[9, 20:30, 20] = 2
    strokes[9, 20:30, 25] = 3
    (found,) = find_labelled(RAW, volume(strokes, at=(0, 0, 0)), unlabelled=0)
    assert found.box == Box((8, 10, 5), (12, 30, 50))
    assert (found.background, found.organelle) == (4 * 45, 20)


def test_a_value_that_nobody_has_judged() -> None:
    labels = drawn()
    labels[:, 30:] = 255
    (found,) = find_labelled(RAW, volume(labels, at=(0, 0, 0)), unlabelled=255)
    assert found.box == Box((0, 0, 0), (40, 30, 60))
    assert (found.organelle, found.background) == (1000, 40 * 30 * 60 - 1000)


def test_strokes_without_a_word_are_asked_about(caplog: pytest.LogCaptureFixture) -> None:
    strokes = drawn()
    strokes[20:30, 20:30, 20:30] = 2
    with caplog.at_level(logging.WARNING):
        (found,) = find_labelled(RAW, volume(strokes, at=(0, 0, 0)))
    assert found.organelle == 2000
    assert "say so with --unlabelled 0" in caplog.text


def test_values_that_may_be_another_organelle_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    strokes = drawn() * 3
    strokes[20:30, 20:30, 20:30] = 1
    with caplog.at_level(logging.WARNING):
        (found,) = find_labelled(RAW, volume(strokes, at=(0, 0, 0)), unlabelled=0)
    assert found.organelle == 1000
    assert "values up to 3: with --unlabelled 0 all above 1 are the organelle" in caplog.text


def test_a_negative_value_is_what_nobody_has_judged_or_refused() -> None:
    labels = drawn().astype(np.int16)
    labels[:, 30:] = -1
    for unlabelled in (None, 0, 255):
        with pytest.raises(RecipeError, match=r"memory holds -1, .* say so with --unlabelled -1"):
            find_labelled(RAW, volume(labels, at=(0, 0, 0)), unlabelled=unlabelled)
    (found,) = find_labelled(RAW, volume(labels, at=(0, 0, 0)), unlabelled=-1)
    assert (found.organelle, found.background) == (1000, 40 * 30 * 60 - 1000)


@pytest.mark.parametrize(
    ("labels", "given", "error", "said"),
    [
        (volume(drawn().astype(np.float32), at=(0, 0, 0)), {}, RecipeError, "holds float32, not labels"),
        (volume(drawn(), at=(0, 0, 0), size=VoxelSize((5, 5, 5))), {}, GeometryError, "has voxels of 5 x 5 x 5 nm"),
        (volume(drawn(), at=(0, 0, 5)), {}, GeometryError, "expected whole voxels"),
        (volume(drawn(), at=(9000, 0, 0)), {}, GeometryError, "do not overlap"),
        (volume(drawn(), at=(0, 0, 0)), {"rois": [Box((0, 0, 0), (90, 50, 60))]}, GeometryError, "reaches outside"),
        (volume(drawn(), at=(0, 0, 0)), {"rois": [Box((0, 0, 0), (0, 50, 60))]}, GeometryError, "is empty"),
        (volume(drawn(), at=(0, 0, 0)), {"rois": [Box((0, 0, 0), (40, 5, 60))]}, RecipeError, r"too thin .*y 50 nm"),
        (volume(drawn() * 0, at=(0, 0, 0)), {"unlabelled": 0}, RecipeError, "nothing is labelled in 0:40,0:50,0:60"),
    ],
)  # fmt: skip
def test_what_nothing_can_be_learned_from(labels: Volume, given: dict[str, Any], error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        find_labelled(RAW, labels, **given)


def test_both_must_be_there() -> None:
    state = np.ones((20, 20, 20), np.uint8)
    only = Labelled(source=0, volume="cell", box=Box.of_shape(state.shape), voxel_size=SIZE, state=state)
    with pytest.raises(RecipeError, match="nothing is labelled as the organelle"):
        check_both([only])
    with pytest.raises(RecipeError, match="nothing is labelled as background"):
        check_both([attrs.evolve(only, state=2 * state)])
    check_both([only, attrs.evolve(only, state=2 * state)])
