"""Scores of objects: by hand on small volumes, by brute force on random ones, block by block and whole."""

from __future__ import annotations

import itertools
import json

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from asem_core.errors import AsemError, GeometryError, OutputError, VolumeError
from asem_core.evaluation import evaluate_objects, object_rows, write_object_table
from asem_core.evaluation.matching import match
from asem_core.evaluation.scores import Score

from .volumes import blobs, volume

SHAPE = (15, 18, 21)


def bars(*spans, length=12):
    """Objects along x in a volume of 4 x 4 x ``length``, with a free rim in z and y: id, first and last + 1 voxel."""
    array = np.zeros((4, 4, length), np.uint8)
    for number, start, stop in spans:
        array[1:3, 1:3, start:stop] = number
    return array


def scored(predicted, truth, **more):
    return evaluate_objects(volume(predicted), volume(truth), **more)


def instances(array):
    if len(np.unique(array[array != 0])) > 1:
        return array.astype(np.int64)
    return ndimage.label(array != 0, np.ones((3, 3, 3)))[0].astype(np.int64)


def cut_ids(ids, kept):
    faces = [np.take(ids, end, axis=axis) for axis in range(3) for end in (0, -1)]
    return set(np.unique(np.concatenate([*(f.ravel() for f in faces), ids[~kept]]))) - {0}


def brute_force(predicted, truth, kept, *, iou, min_voxels=0, ignore_border=False):
    """Scores over whole arrays; of all one-to-one matchings the best, found by trying every one."""
    p_ids, t_ids = instances(predicted), instances(truth)
    p_cut, t_cut = cut_ids(p_ids, kept), cut_ids(t_ids, kept)
    sizes = dict(zip(*np.unique(p_ids, return_counts=True), strict=True))
    ps = [i for i in np.unique(p_ids[kept]) if i and sizes[i] >= min_voxels]
    ts = [i for i in np.unique(t_ids[kept]) if i]
    pairs = {}
    for p, t in itertools.product(ps, ts):
        a, b = (p_ids == p) & kept, (t_ids == t) & kept
        if (a & b).any() and (value := (a & b).sum() / (a | b).sum()) >= iou:
            pairs[p, t] = value
    best = max(matchings(list(pairs)), key=lambda chosen: (len(chosen), sum(pairs[pair] for pair in chosen)))
    if ignore_border:
        counted = [(p, t) for p, t in best if p not in p_cut and t not in t_cut]
    else:
        counted, p_cut, t_cut = best, set(), set()
    fp = len(set(ps) - {p for p, _ in best} - p_cut)
    fn = len(set(ts) - {t for _, t in best} - t_cut)
    return Score(tp=len(counted), fp=fp, fn=fn), sum(pairs[pair] for pair in counted)


def matchings(pairs):
    if not pairs:
        return [()]
    (p, t), rest = pairs[0], pairs[1:]
    compatible = [pair for pair in rest if pair[0] != p and pair[1] != t]
    return [*matchings(rest), *(((p, t), *more) for more in matchings(compatible))]


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 99),
    block=st.tuples(*[st.integers(6, 24)] * 3),
    iou=st.sampled_from([0.05, 0.3, 0.5, 0.75]),
    share=st.sampled_from([0.15, 0.3]),
    labelled=st.tuples(st.booleans(), st.booleans()),
    masked=st.booleans(),
    ignore_border=st.booleans(),
    min_voxels=st.sampled_from([0, 30]),
    planewise=st.booleans(),
)
def test_blockwise_equals_brute_force(seed, block, iou, share, labelled, masked, ignore_border, min_voxels, planewise):
    truth, predicted = blobs(SHAPE, seed, share=share), np.roll(blobs(SHAPE, seed, share=share), 1, axis=2)
    predicted = predicted | blobs(SHAPE, seed + 1, share=0.05)
    if labelled[0]:
        predicted = instances(predicted)
    if labelled[1]:
        truth = instances(truth)
    kept = blobs(SHAPE, seed + 2, share=0.8) != 0 if masked else np.ones(SHAPE, bool)
    found = evaluate_objects(
        volume(predicted, planewise=planewise),
        volume(truth),
        iou=iou,
        block=block,
        ignore_border=ignore_border,
        min_voxels=min_voxels,
        mask=volume(kept.astype(np.uint8)) if masked else None,
    )
    for detection, least in ((found.at_iou, iou), (found.any_overlap, 0), (found.by_iou[0.6], 0.6)):
        count, matched_iou = brute_force(
            predicted, truth, kept, iou=least, min_voxels=min_voxels, ignore_border=ignore_border
        )
        if least >= 0.5 or not ignore_border:  # below, several best matchings may ignore different objects
            assert detection.count == count
            assert detection.matched_iou == pytest.approx(matched_iou)


def test_the_table_does_not_depend_on_blocks(tmp_path):
    truth, predicted = blobs(SHAPE, 5, share=0.2), blobs(SHAPE, 6, share=0.2)
    tables = []
    for number, block in enumerate([(128, 128, 128), (6, 7, 9), (15, 5, 21)]):
        write_object_table(scored(predicted, truth, block=block), tmp_path / f"{number}.csv")
        tables.append((tmp_path / f"{number}.csv").read_text())
    assert tables[0] == tables[1] == tables[2]
    assert len(tables[0].splitlines()) > 6


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 99), iou=st.sampled_from([0.1, 0.5]), ignore_border=st.booleans())
def test_swapping_prediction_and_truth_swaps_precision_and_recall(seed, iou, ignore_border):
    a, b = blobs(SHAPE, seed, share=0.25), np.roll(blobs(SHAPE, seed, share=0.2), 1, axis=1)
    one, other = (scored(*pair, iou=iou, ignore_border=ignore_border) for pair in ((a, b), (b, a)))
    for name in ("at_iou", "any_overlap"):
        left, right = getattr(one, name), getattr(other, name)
        assert (left.count.fp + left.count.fn) == (right.count.fp + right.count.fn)
        if not ignore_border:
            assert (left.count.precision, left.count.recall) == (right.count.recall, right.count.precision)
            assert left.panoptic_quality == pytest.approx(right.panoptic_quality)
    if not ignore_border:
        assert one.average_precision == other.average_precision


def test_by_hand():
    truth = bars((1, 1, 5), (2, 6, 8), (3, 9, 11))
    predicted = bars((7, 2, 5), (8, 6, 7), (9, 8, 9))
    found = scored(predicted, truth, iou=0.6)
    # Truth 1 and prediction 7 share 3 of 4 columns; 2 and 8 share 1 of 2; 3 is missed and 9 invented.
    assert found.at_iou.count == Score(tp=1, fp=2, fn=2)
    assert found.any_overlap.count == Score(tp=2, fp=1, fn=1)
    assert found.any_overlap.segmentation_quality == (0.75 + 0.5) / 2
    assert found.at_iou.panoptic_quality == pytest.approx(0.75 * 1 / (1 + 2 / 2 + 2 / 2))
    accuracies = [2 / 4, *[1 / 5] * 5, *[0] * 4]  # 0.50; 0.55 to 0.75; 0.80 to 0.95
    assert found.average_precision == pytest.approx(np.mean(accuracies))
    assert (found.truth.touch_none, found.truth.touch_several, found.truth.objects) == (1, 0, 3)
    assert (found.prediction.touch_none, found.prediction.objects) == (1, 3)


def test_an_iou_of_exactly_the_threshold_is_a_match():
    assert scored(bars((1, 2, 4)), bars((1, 2, 6))).at_iou.count == Score(tp=1)
    assert scored(bars((1, 2, 5)), bars((1, 2, 7)), iou=0.6).at_iou.count == Score(tp=1)


def test_two_halves_of_a_truth_count_once():
    found = scored(bars((1, 2, 5), (2, 5, 8)), bars((1, 2, 8)))
    assert found.at_iou.count == Score(tp=1, fp=1)
    assert found.truth.touch_several == 1


def test_one_prediction_of_all_finds_one_object():
    found = scored(np.ones((4, 4, 12), np.uint8), bars((1, 1, 3), (1, 5, 7), (1, 9, 11)))
    assert found.any_overlap.count == Score(tp=1, fn=2)
    assert found.prediction.touch_several == 1


def test_ids_are_kept_and_masks_are_split():
    pieces, mask = bars((5, 1, 3), (5, 5, 7), (6, 9, 11)), bars((255, 1, 3), (255, 5, 7))
    found = scored(mask, pieces)
    assert (found.truth.found_by, found.truth.objects) == ("ids", 2)
    assert (found.prediction.found_by, found.prediction.objects) == ("components", 2)
    assert {row.id for row in object_rows(found) if row.side == "truth"} == {5, 6}
    corner = np.zeros((4, 4, 4), bool)
    corner[1, 1, 1] = corner[2, 2, 2] = True
    assert scored(corner, corner).truth.objects == 1


def test_ids_of_64_bits():
    ids = bars((1, 1, 5), (2, 6, 8)).astype(np.uint64) * 2**62
    assert scored(ids, ids).at_iou.count == Score(tp=2)
    assert max(row.id for row in object_rows(scored(ids, ids))) == 2**63


@pytest.mark.parametrize(
    ("predicted", "truth", "count", "ratio"),
    [((), (), Score(), 1), ((), ((1, 2, 4),), Score(fn=1), 0), (((1, 2, 4),), (), Score(fp=1), 0)],
)
def test_nothing(predicted, truth, count, ratio):
    found = scored(bars(*predicted), bars(*truth))
    for detection in (found.at_iou, found.any_overlap):
        assert detection.count == count
        ratios = [v for k, v in detection.to_json().items() if k not in ("tp", "fp", "fn")]
        assert ratios == [ratio] * 6
    assert found.average_precision == ratio


def test_specks_are_dropped_by_their_volume():
    truth, predicted = bars((1, 1, 5)), bars((1, 1, 5), (1, 7, 8))
    assert scored(predicted, truth, min_voxels=4).dropped == 0
    found = scored(predicted, truth, min_voxels=5)
    assert (found.dropped, found.at_iou.count) == (1, Score(tp=1))
    fine = [volume(array, voxel_size=(10, 10, 10)) for array in (predicted, truth)]
    assert evaluate_objects(*fine, min_voxels=32).dropped == 0
    assert evaluate_objects(*fine, min_voxels=33).dropped == 1


def test_objects_at_a_face_are_ignored_with_their_partners():
    truth = bars((1, 0, 4), (1, 6, 8))
    predicted = bars((1, 1, 4), (1, 10, 12))
    assert scored(predicted, truth).at_iou.count == Score(tp=1, fp=1, fn=1)
    found = scored(predicted, truth, ignore_border=True)
    assert found.at_iou.count == Score(fn=1)
    assert (found.prediction.ignored, found.truth.ignored) == (2, 1)
    assert [row.outcome for row in object_rows(found)] == ["ignored", "missed", "ignored", "ignored"]
    swapped = scored(truth, predicted, ignore_border=True)
    assert swapped.at_iou.count == Score(fp=1)
    assert (swapped.prediction.ignored, swapped.truth.ignored) == (1, 2)


def test_the_mask_cuts_no_object_apart_and_hides_what_is_outside():
    truth, mask = bars((1, 1, 7), (1, 9, 11)), np.ones((4, 4, 12), np.uint8)
    mask[:, :, 3:5] = mask[:, :, 8:] = 0
    found = scored(bars((1, 1, 4)), truth, mask=volume(mask))
    assert (found.truth.objects, found.truth.ignored) == (1, 0)
    assert found.at_iou.count == Score(tp=1)
    assert found.at_iou.matched_iou == 0.5
    assert scored(bars((1, 1, 4)), truth, mask=volume(mask), ignore_border=True).truth.ignored == 1
    with pytest.raises(GeometryError, match="leaves nothing to score"):
        scored(truth, truth, mask=volume(mask * 0))


def test_a_crop_is_scored_where_it_lies():
    truth = bars((1, 1, 4), (1, 6, 9))
    crop = bars((1, 6, 9))[:, :, 5:]
    found = evaluate_objects(volume(crop, at=(100, 200, 325)), volume(truth, at=(100, 200, 300)))
    assert found.at_iou.count == Score(tp=1)
    row = next(iter(object_rows(found)))
    assert (row.z_nm, row.y_nm, row.x_nm) == (110, 210, 300 + 7.5 * 5)


def test_positions_come_from_the_volume_that_has_one():
    truth = bars((1, 1, 3))
    somewhere, nowhere = volume(truth, at=(50, 60, 70)), volume(truth)
    for pair in ((somewhere, nowhere), (nowhere, somewhere)):
        found = evaluate_objects(*pair)
        assert {(row.z_nm, row.y_nm, row.x_nm) for row in object_rows(found)} == {(60, 70, 80)}


def test_the_table_says_who_was_met_and_who_was_not(tmp_path):
    truth, predicted = bars((3, 1, 5), (4, 6, 8), (5, 10, 11)), bars((7, 2, 5), (8, 7, 9), (9, 9, 10))
    found = scored(predicted, truth, iou=0.6)
    rows = {(row.side, row.id): row for row in object_rows(found)}
    assert {key: row.outcome for key, row in rows.items()} == {
        ("truth", 3): "matched", ("truth", 4): "missed", ("truth", 5): "missed",
        ("prediction", 7): "matched", ("prediction", 8): "false", ("prediction", 9): "false",
    }  # fmt: skip
    assert (rows["truth", 4].partner, rows["truth", 4].iou) == (8, 1 / 3)
    assert (rows["truth", 5].partner, rows["truth", 5].iou, rows["truth", 5].touches) == (None, None, 0)
    file = tmp_path / "objects.csv"
    write_object_table(found, file)
    write_object_table(found, file)
    lines = file.read_text().splitlines()
    assert lines[0].startswith("side,id,outcome,z_nm,y_nm,x_nm,voxels")
    assert lines[1] == "truth,3,matched,10.0,10.0,15.0,16,False,1,7,0.7500"
    assert lines[3].endswith(",0,,")
    file.write_text("mine")
    with pytest.raises(OutputError, match="not only, a table of objects that ASEM wrote"):
        write_object_table(found, file)
    assert file.read_text() == "mine"


def test_json():
    document = json.loads(json.dumps(scored(bars((1, 1, 5)), bars((1, 1, 4))).to_json()))
    assert list(document)[:3] == ["at_iou", "any_overlap", "average_precision"]
    assert document["average_precision"]["by_iou"]["0.75"] == 1
    assert document["average_precision"]["by_iou"]["0.80"] == 0
    assert document["truth"]["found_by"] == "components"


@pytest.mark.parametrize("iou", [0, -1, 1.01])
def test_a_bad_iou(iou):
    with pytest.raises(AsemError, match=r"above 0 and is at most 1, got"):
        scored(bars(), bars(), iou=iou)


def test_probabilities_are_refused():
    with pytest.raises(VolumeError, match="float32, but prediction must be whole numbers"):
        evaluate_objects(volume(bars().astype(np.float32)), volume(bars()))


def test_no_room_for_temporary_files(monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("asem_core.evaluation.objects.find_instances", full)
    with pytest.raises(OutputError, match="TMPDIR"):
        scored(bars(), bars())


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_matching_is_the_best_of_all(data):
    pairs = data.draw(st.lists(st.tuples(*[st.integers(0, 4)] * 2), max_size=9, unique=True))
    iou = data.draw(st.lists(st.sampled_from([k / 16 for k in range(1, 9)]), min_size=len(pairs), max_size=len(pairs)))
    value = dict(zip(pairs, iou, strict=True))
    best = max((len(chosen), sum(value[pair] for pair in chosen)) for chosen in matchings(pairs))
    rows = match(np.array(pairs, np.int64).reshape(-1, 2), np.array(iou, float))
    chosen = [pairs[row] for row in rows]
    assert len({p for p, _ in chosen}) == len({t for _, t in chosen}) == len(chosen)
    assert (len(chosen), sum(value[pair] for pair in chosen)) == pytest.approx(best)


def test_progress_names_its_stages():
    seen = set()
    scored(bars((1, 1, 3)), bars((1, 1, 3)), progress=lambda stage, done, total: seen.add(stage))
    assert "overlaps of objects" in seen
    assert any(stage.startswith("objects of the prediction") for stage in seen)


def test_the_evaluation_is_frozen():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        scored(bars(), bars()).iou = 1
