from __future__ import annotations

import json

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core.errors import GeometryError, PluginError, VolumeError
from asem_core.evaluation.evaluate import evaluate
from asem_core.evaluation.scores import Score
from asem_core.specs import StageRef

from .volumes import Counting, blobs, volume

SHAPE = (17, 21, 19)


def brute_force(predicted, truth, *, dilate, erode, compared=None):
    """Both scores over whole arrays: the zone from all pairs of distances, the counts from boolean algebra."""
    compared = np.ones(truth.shape, bool) if compared is None else compared
    offsets = [(z, y, x) for z in range(-4, 5) for y in range(-4, 5) for x in range(-4, 5)]
    padded = np.pad(truth != 0, 4)
    near, deep = np.zeros(truth.shape, bool), np.ones(truth.shape, bool)
    for offset in offsets:
        reach = sum(map(abs, offset))
        window = tuple(slice(4 + o, 4 + o + n) for o, n in zip(offset, truth.shape, strict=True))
        if reach <= dilate:
            near |= padded[window]
        if reach <= erode:
            deep &= padded[window]
    scores = []
    for kept in (compared & ~(near & ~deep), compared):
        p, t = (predicted != 0)[kept], (truth != 0)[kept]
        scores.append(Score(tp=int((p & t).sum()), fp=int((p & ~t).sum()), fn=int((~p & t).sum())))
    return scores, int((compared & near & ~deep).sum())


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 99),
    block=st.tuples(*[st.integers(1, 24)] * 3).filter(lambda block: np.prod(block) > 100),
    widths=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    planewise=st.booleans(),
)
def test_blockwise_equals_whole(request, seed, block, widths, planewise):
    organelle, registry = request.getfixturevalue("organelle"), request.getfixturevalue("registry")
    truth, predicted, mask = blobs(SHAPE, seed), blobs(SHAPE, seed + 1), blobs(SHAPE, seed + 2, share=0.8)
    zone = StageRef(name="shell", params={"dilate": widths[0], "erode": widths[1]})
    found = evaluate(
        volume(predicted, planewise=planewise),
        volume(truth * 7, planewise=planewise),
        organelle=organelle,
        registry=registry,
        zone=zone,
        block=block,
        mask=volume(mask * 255),
    )
    (with_zone, without), excluded = brute_force(
        predicted, truth, dilate=widths[0], erode=widths[1], compared=mask != 0
    )
    assert (found.scores.with_zone, found.scores.without_zone) == (with_zone, without)
    assert (found.excluded_voxels, found.compared_voxels) == (excluded, int((mask != 0).sum()))
    assert found.scored_voxels == found.compared_voxels - excluded


def test_anisotropic_voxels_block_by_block(organelle, registry):
    truth, predicted = blobs(SHAPE, 1), blobs(SHAPE, 2)
    pair = [volume(a, voxel_size=(20, 10, 5)) for a in (predicted, truth)]
    whole = evaluate(*pair, organelle=organelle, registry=registry)
    parts = evaluate(*pair, organelle=organelle, registry=registry, block=(3, 5, 7))
    assert whole == parts
    assert whole.zone.on(whole.voxel_size)["on_grid"]["dilate"] == {"voxels": (1, 2, 4), "nm": (20, 20, 20)}


def test_a_roi_is_aligned_by_position_and_keeps_the_context_of_the_labels(organelle, registry):
    truth, predicted = blobs(SHAPE, 3), blobs(SHAPE, 4)
    inside = (slice(2, 14), slice(5, 18), slice(0, 11))
    compared = np.zeros(SHAPE, bool)
    compared[inside] = True
    expected, excluded = brute_force(predicted, truth, dilate=4, erode=4, compared=compared)
    roi = volume(predicted[inside], at=(10 + 100, 25, 0))
    found = evaluate(roi, volume(truth, at=(100, 0, 0)), organelle=organelle, registry=registry, block=(5, 6, 7))
    assert [found.scores.with_zone, found.scores.without_zone] == expected
    assert found.excluded_voxels == excluded
    assert str(found.region) == "2:14,5:18,0:11"
    assert found.aligned_by == "position"


def test_labels_of_a_part_of_the_prediction(organelle, registry):
    truth, predicted = blobs(SHAPE, 5), blobs(SHAPE, 6)
    inside = (slice(3, 15), slice(2, 20), slice(4, 19))
    expected, _ = brute_force(predicted[inside], truth[inside], dilate=4, erode=4)
    found = evaluate(
        volume(predicted),
        volume(truth[inside], at=(15, 10, 20)),
        organelle=organelle,
        registry=registry,
        mask=volume(np.ones(SHAPE, np.uint8)),
    )
    assert [found.scores.with_zone, found.scores.without_zone] == expected


def test_partial_overlap_and_a_mask_in_the_frame_of_the_prediction(organelle, registry):
    truth, predicted = blobs(SHAPE, 7), blobs((20, 10, 30), 8)
    mask = np.ones((20, 10, 30), np.uint8)
    mask[:4] = 0
    found = evaluate(
        volume(predicted, at=(-15, 75, 0)),
        volume(truth),
        organelle=organelle,
        registry=registry,
        mask=volume(mask, at=(-15, 75, 0)),
    )
    assert str(found.region) == "0:17,15:21,0:19"
    assert found.compared_voxels == (17 - 1) * 6 * 19
    expected = Score.of(predicted[4:20, :6, :19] != 0, truth[1:17, 15:21] != 0)
    assert found.scores.without_zone == expected


def test_equal_shapes_with_one_position_are_scored_as_they_are(organelle, registry):
    truth, predicted = blobs(SHAPE, 9), blobs(SHAPE, 10)
    found = evaluate(
        volume(predicted, at=(500, 0, 0)),
        volume(truth),
        organelle=organelle,
        registry=registry,
    )
    assert found.aligned_by == "shape"
    assert found.compared_voxels == truth.size


def test_equal_shapes_with_two_positions_are_aligned_by_position(organelle, registry):
    truth = blobs(SHAPE, 11)
    found = evaluate(
        volume(truth, at=(10, 10, 10)), volume(truth, at=(5, 10, 10)), organelle=organelle, registry=registry
    )
    assert found.aligned_by == "position"
    assert str(found.region) == "1:17,0:21,0:19"
    assert found.scores.without_zone == Score.of(truth[:-1] != 0, truth[1:] != 0)


def test_edge_cases_of_content(organelle, registry):
    nothing, something = np.zeros(SHAPE, np.uint8), blobs(SHAPE, 12)

    def scored(predicted, truth):
        return evaluate(volume(predicted), volume(truth), organelle=organelle, registry=registry)

    assert scored(nothing, nothing).scores.with_zone.f1 == 1
    assert scored(nothing, nothing).excluded_voxels == 0
    assert scored(nothing, something).scores.without_zone.to_json() == Score(fn=int(something.sum())).to_json()
    assert scored(something, nothing).scores.without_zone == Score(fp=int(something.sum()))
    assert scored(something, something).scores.without_zone.f1 == 1
    assert scored(something.astype(bool), (something * 3).astype(np.int64)).scores.without_zone.f1 == 1


def test_sections_are_read_once(organelle, registry):
    shape = (40, 12, 10)
    predicted, truth = Counting(blobs(shape, 13)), Counting(blobs(shape, 14))
    pair = [volume(array, planewise=True) for array in (predicted, truth)]
    found = evaluate(*pair, organelle=organelle, registry=registry, block=(16, 5, 5))
    for array in (predicted, truth):
        # Once for the scores, and some before: a sample that shows whether these are labels.
        assert set(array.planes) == set(range(40))
        assert len(array.planes) <= 40 + 24
    whole = evaluate(volume(predicted.array), volume(truth.array), organelle=organelle, registry=registry)
    assert found.scores == whole.scores


def test_blocks_of_a_chunked_volume_stay_small(organelle, registry):
    array = Counting(blobs((40, 40, 40), 15))
    evaluate(volume(array), volume(array), organelle=organelle, registry=registry, block=(8, 8, 8))
    assert array.largest <= 16**3


def test_progress_ends_at_the_total(organelle, registry):
    calls = []
    evaluate(
        volume(blobs(SHAPE, 1)),
        volume(blobs(SHAPE, 2)),
        organelle=organelle,
        registry=registry,
        block=(9, 9, 9),
        progress=lambda *call: calls.append(call),
    )
    assert calls == [("evaluate", n, 18) for n in range(19)]


def test_json_carries_what_the_scores_depend_on(organelle, registry):
    found = evaluate(
        volume(blobs(SHAPE, 1), name="p"), volume(blobs(SHAPE, 2), name="t"), organelle=organelle, registry=registry
    )
    document = json.loads(json.dumps(found.to_json()))
    assert list(document)[:2] == ["with_zone", "without_zone"]
    assert document["zone"]["version"] == registry.exclusion_zones["shell"].version
    assert document["zone"]["params"] == {"dilate": 4, "erode": 4}
    assert document["zone"]["on_grid"]["erode"]["voxels"] == [4, 4, 4]
    assert document["inputs"]["prediction"]["identity"] == {"digest": "p"}
    assert "mask" not in document["inputs"]
    assert document["voxels"]["compared"] == np.prod(SHAPE)


def test_different_voxel_sizes_are_refused(organelle, registry):
    pair = volume(blobs(SHAPE, 1)), volume(blobs(SHAPE, 2), voxel_size=(5, 5, 5.1))
    with pytest.raises(GeometryError, match=r"voxels of 5 x 5 x 5 nm but memory has 5 x 5 x 5\.1 nm"):
        evaluate(*pair, organelle=organelle, registry=registry)


def test_no_overlap_shows_both_boxes(organelle, registry):
    pair = volume(blobs(SHAPE, 1), at=(5000, 0, 0), name="a"), volume(blobs((9, 9, 9), 2), name="b")
    with pytest.raises(GeometryError, match=r"a \(5000 to 5085, .* and b \(0 to 45, 0 to 45, 0 to 45 nm .* overlap"):
        evaluate(*pair, organelle=organelle, registry=registry)


def test_a_broken_offset_is_refused(organelle, registry):
    pair = volume(blobs((9, 9, 9), 1), at=(7.5, 0, 0)), volume(blobs(SHAPE, 2))
    with pytest.raises(GeometryError, match=r"lies 1\.50, 0\.00, 0\.00 voxels"):
        evaluate(*pair, organelle=organelle, registry=registry)


@pytest.mark.parametrize("role", ["prediction", "labels"])
def test_real_numbers_are_refused(organelle, registry, role):
    volumes = {"prediction": volume(blobs(SHAPE, 1)), "labels": volume(blobs(SHAPE, 2))}
    volumes[role] = volume(blobs(SHAPE, 1).astype(np.float32))
    with pytest.raises(VolumeError, match=f"float32, but {role} must be whole numbers"):
        evaluate(volumes["prediction"], volumes["labels"], organelle=organelle, registry=registry)


def test_an_empty_mask_is_refused(organelle, registry):
    labels = volume(blobs(SHAPE, 1))
    with pytest.raises(GeometryError, match="the mask leaves nothing to score"):
        evaluate(labels, labels, organelle=organelle, registry=registry, mask=volume(np.zeros(SHAPE, np.uint8)))


def test_an_unknown_zone_lists_the_known(organelle, registry):
    organelle = attrs.evolve(organelle, exclusion_zone=StageRef(name="ring"))
    labels = volume(blobs(SHAPE, 1))
    with pytest.raises(PluginError, match=r"unknown exclusion zone 'ring'; installed: shell"):
        evaluate(labels, labels, organelle=organelle, registry=registry)
