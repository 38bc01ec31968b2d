"""Strokes on a prediction."""

from __future__ import annotations

import numpy as np
from asem_annotate.correction import correct_labels
from asem_annotate.prepared import prepare
from asem_annotate.settings import Settings
from scipy import ndimage

from .cells import VOXELS, dice, make_cell

SETTINGS = Settings(edge=3, smoothness=1)
GREY, TRUTH = make_cell()
PREPARED = prepare(GREY, voxel_size=VOXELS, settings=SETTINGS)
WANTED = TRUTH == 3
UNSURE = np.where(TRUTH == 2, 0.7, np.where(WANTED, 0.4, 0.05)).astype(np.float32)
"""A network that takes one body for the other."""


def test_without_contradiction_nothing_changes() -> None:
    strokes = np.zeros_like(TRUTH)
    strokes[12, 13, 10:16], strokes[5, 0, :10] = 2, 1  # as the network says
    found = correct_labels(PREPARED, UNSURE, strokes, settings=SETTINGS)
    assert np.array_equal(found.labels, UNSURE >= 0.5)
    assert np.array_equal(found.judged[strokes > 0], strokes[strokes > 0])
    away = ~np.isin(PREPARED.ids, PREPARED.ids[strokes > 0])
    assert not found.judged[away].any()


def test_strokes_change_what_lies_between_them_and_nothing_else() -> None:
    strokes = np.zeros_like(TRUTH)
    for section in (6, 9, 12, 15):
        inside = ndimage.binary_erosion(TRUTH[section] > 0, iterations=2)
        strokes[section][inside] = np.where(TRUTH[section] == 3, 2, 1)[inside]
    found = correct_labels(PREPARED, UNSURE, strokes, settings=SETTINGS)
    changed = (found.labels > 0) != (UNSURE >= 0.5)
    assert dice(found.labels > 0, WANTED) > 0.6
    assert changed.sum() > 2 * (strokes > 0).sum()
    assert (changed & (TRUTH == 0)).sum() < 0.02 * changed.sum()
    assert (found.judged[changed] == np.where(found.labels, 2, 1)[changed]).all()


def test_what_keeps_its_label_keeps_the_voxels_of_the_network() -> None:
    rough = UNSURE.copy()
    rough[12, 13, 13] = 0.1  # a hole that no supervoxel has
    strokes = np.zeros_like(TRUTH)
    strokes[11, 27, 26:36] = 2
    found = correct_labels(PREPARED, rough, strokes, settings=SETTINGS)
    assert found.labels[12, 13, 13] == 0
    assert found.labels[12, 13, 12] == 1


def test_what_a_network_is_sure_of_stays_away_from_strokes() -> None:
    """Of supervoxels that are turned over: near the stroke everything is, farther away what was in doubt."""
    strokes = np.zeros_like(TRUTH)
    strokes[6:19:3][TRUTH[6:19:3] == 3] = 2
    distance = ndimage.distance_transform_edt(strokes == 0)
    doubted = correct_labels(PREPARED, UNSURE, strokes, settings=SETTINGS).labels > 0
    turned = doubted & (UNSURE < 0.5)
    grain = np.random.default_rng(4).random(TRUTH.shape) < 0.2
    sure = np.where(turned & grain, 0.04, UNSURE).astype(np.float32)
    found = correct_labels(PREPARED, sure, strokes, settings=Settings(edge=1, smoothness=1)).labels > 0
    away = turned & grain & (distance > 1)
    assert away.sum() > 20
    assert not found[away].any()
    assert found[turned & grain & (distance == 1)].mean() > 0.5
    assert found[turned & ~grain].mean() > 0.9


def test_a_stroke_that_confirms_holds_beside_one_that_contradicts() -> None:
    """In the supervoxels at a rim that a network draws too thick."""
    body = TRUTH == 2
    thick = ndimage.binary_dilation(body, iterations=2)
    prediction = np.where(thick, 0.8, 0.05).astype(np.float32)
    strokes = np.zeros_like(TRUTH)
    strokes[8:17:4] = np.select([body[8:17:4], thick[8:17:4]], [2, 1])
    coarse = Settings(edge=5, smoothness=1)
    prepared = prepare(GREY, voxel_size=VOXELS, settings=coarse)
    found = correct_labels(prepared, prediction, strokes, settings=coarse)
    between = ~strokes.any(axis=(1, 2))
    assert dice(found.labels[between] > 0, body[between]) > dice(thick[between], body[between]) + 0.02


def test_what_the_network_decides_is_not_trained_on() -> None:
    """A body that it is sure of and that strokes call background: what is farther from them is not judged."""
    sure = np.where(TRUTH > 0, 0.99, 0.01).astype(np.float32)
    strokes = np.zeros_like(TRUTH)
    strokes[11, 27, 26:36] = 1
    long = Settings(edge=5, smoothness=1, compactness=5)
    prepared = prepare(GREY, voxel_size=VOXELS, settings=long)
    found = correct_labels(prepared, sure, strokes, settings=long)
    on_strokes = np.isin(prepared.ids, prepared.ids[strokes > 0])
    assert (on_strokes & (TRUTH == 3) & (found.labels > 0)).any()
    assert not (found.judged == 2).any()
    assert (found.judged[strokes > 0] == 1).all()


def test_strokes_are_what_they_say_even_side_by_side() -> None:
    strokes = np.zeros_like(TRUTH)
    strokes[12, 13, 12:16] = [1, 2, 1, 2]
    found = correct_labels(PREPARED, UNSURE, strokes, settings=SETTINGS)
    assert found.labels[12, 13, 12:16].tolist() == [0, 1, 0, 1]
    assert found.judged[12, 13, 12:16].tolist() == [1, 2, 1, 2]


def test_the_threshold_is_the_callers() -> None:
    strokes = np.zeros_like(TRUTH)
    strokes[0, 0, 0] = 1
    found = correct_labels(PREPARED, UNSURE, strokes, settings=SETTINGS, threshold=0.3)
    assert np.array_equal(found.labels > 0, UNSURE >= 0.3)
