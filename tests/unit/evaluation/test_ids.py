"""What counts as labels: ids, and neither grey images nor values that are no ids."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy import ndimage

from asem_core import Volume, VoxelSize
from asem_core.errors import VolumeError
from asem_core.evaluation import Score, evaluate, evaluate_objects
from asem_core.evaluation.ids import ids
from asem_core.geometry import Box
from asem_core.specs import OrganelleSpec, StageRef

SHAPE = (24, 40, 40)

ZONE = StageRef(name="shell", params={"dilate": 1, "erode": 1})


@pytest.fixture
def organelle():
    return OrganelleSpec(name="toy", title="Toy", exclusion_zone=ZONE)


def volume(array, at=(0.0, 0.0, 0.0)):
    return Volume(array=array, voxel_size=VoxelSize((5, 5, 5)), lower_edge_nm=at, uri="labels.zarr", format="memory",
                  chunks=(8, 16, 16))  # fmt: skip


def partition(count, shape=SHAPE, seed=0):
    """Every voxel belongs to one of ``count`` objects that touch each other."""
    seeds = np.zeros(shape, bool)
    seeds.flat[np.random.default_rng(seed).choice(seeds.size, count, replace=False)] = True
    index = ndimage.distance_transform_edt(~seeds, return_distances=False, return_indices=True)
    return (np.cumsum(seeds).reshape(shape) * seeds)[tuple(index)]


def em(shape=SHAPE):
    """Structures of some voxels with the noise of a detector."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 3)
    return np.clip(130 + 40 * smooth / smooth.std() + rng.normal(0, 6, shape), 1, 254)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i4", "i8"])
@pytest.mark.parametrize("count", [2, 30, 250])
def test_ids_of_touching_objects_are_labels(dtype, count):
    labels = volume(partition(count).astype(dtype))
    np.testing.assert_array_equal(ids(labels, role="labels").read(labels.box), labels.array)


@pytest.mark.parametrize("made", [
    lambda: np.zeros(SHAPE, "u1"), lambda: (em() > 130).astype("u1") * 255, lambda: em() > 130,
    lambda: np.random.default_rng(1).integers(0, 5, SHAPE).astype("u1"),
])  # fmt: skip
def test_masks_of_any_kind_are_labels(made):
    assert ids(volume(made()), role="labels").shape == SHAPE


@pytest.mark.parametrize("made", [
    lambda: em().astype("u1"), lambda: em().astype("u2") * 200, lambda: em().astype("i4"),
    lambda: (255 / (1 + np.exp((130 - em()) / 10))).astype("u1"),
])  # fmt: skip
@pytest.mark.parametrize("role", ["labels", "prediction"])
def test_a_grey_image_is_refused(organelle, registry, made, role):
    grey, labels = volume(made()), volume(partition(20).astype("u1"))
    pair = (labels, grey) if role == "labels" else (grey, labels)
    with pytest.raises(VolumeError, match=rf"neighbouring voxels differ: {role} are 0 and ids"):
        evaluate(*pair, organelle=organelle, registry=registry)
    with pytest.raises(VolumeError, match="grey image"):
        evaluate_objects(*pair)


@pytest.mark.parametrize(("dtype", "most"), [("u1", 255), ("u2", 65535)])
@pytest.mark.parametrize("radius", [8, 14])
def test_a_probability_map_of_a_network_that_is_sure_is_refused(dtype, most, radius):
    """All 0 and all 1, but for the voxels at the surface."""
    at = np.linalg.norm(np.indices((40, 40, 40)) - 19.5, axis=0)
    probability = np.round(most / (1 + np.exp((at - radius) / 0.8))).astype(dtype)
    with pytest.raises(VolumeError, match="probability map"):
        ids(volume(probability), role="prediction")


def test_values_that_are_no_ids_are_refused_wherever_they_are(organelle, registry):
    labels = np.zeros(SHAPE, np.int16)
    labels[3:9, 3:9, 3:9] = 4
    labels[-1, -1, -1] = -1
    with pytest.raises(VolumeError, match=r"holds -1, which is no id \(below 0\).*--ignore-label -1"):
        evaluate(volume(labels != 0), volume(labels), organelle=organelle, registry=registry)
    background = np.where(labels > 0, labels, 0).astype(np.uint64)
    background[background == 0] = 2**64 - 1
    with pytest.raises(VolumeError, match=r"holds 18446744073709551615.*CREMI.*--ignore-label 18446744073709551615"):
        evaluate(volume(labels != 0), volume(background), organelle=organelle, registry=registry)


@pytest.mark.parametrize(("dtype", "unknown"), [("i2", -1), ("u1", 255), ("u8", 2**64 - 1), ("i8", -(2**63))])
def test_what_is_not_known_is_not_scored(organelle, registry, dtype, unknown):
    rng = np.random.default_rng(4)
    truth, predicted = (ndimage.gaussian_filter(rng.normal(size=SHAPE), 3) > 0.03 for _ in range(2))
    hidden = np.zeros(SHAPE, bool)
    hidden[10:, :, 25:] = True
    labels = truth.astype(dtype)
    labels[hidden] = np.array(unknown).astype(dtype) if unknown < 2**63 else np.array(unknown, dtype)
    found = evaluate(volume(predicted), volume(labels), organelle=organelle, registry=registry, ignore_label=unknown)
    assert found.scores.without_zone == Score.of(predicted & ~hidden, truth & ~hidden)
    assert found.compared_voxels == np.count_nonzero(~hidden)
    assert found.ignored_label == unknown
    kept = (rng.random(SHAPE) < 0.7).astype(np.uint8)
    both = evaluate(
        volume(predicted),
        volume(labels),
        organelle=organelle,
        registry=registry,
        ignore_label=unknown,
        mask=volume(kept),
        block=(7, 9, 11),
    )
    counted = ~hidden & (kept != 0)
    assert both.scores.without_zone == Score.of(predicted & counted, truth & counted)


def test_objects_where_nothing_is_known_do_not_count():
    labels = np.zeros(SHAPE, np.int32)
    labels[2:8, 2:8, 2:8] = 1
    predicted = (labels != 0).astype(np.uint8)
    predicted[12:20, 20:30, 20:30] = 1
    labels[10:, 15:, 15:] = -1
    found = evaluate_objects(volume(predicted), volume(labels), ignore_label=-1)
    assert (found.at_iou.count.tp, found.at_iou.count.fp, found.at_iou.count.fn) == (1, 0, 0)


def test_a_label_that_is_not_there_changes_nothing(organelle, registry):
    labels = volume(partition(9).astype(np.uint8) % 2)
    plain = evaluate(labels, labels, organelle=organelle, registry=registry)
    found = evaluate(labels, labels, organelle=organelle, registry=registry, ignore_label=-1)
    assert found.scores == plain.scores


@pytest.mark.parametrize(("size", "warned"), [(40, False), (37, False), (20, True)])
def test_little_overlap_is_said(organelle, registry, caplog, size, warned):
    truth = partition(9).astype(np.uint8) % 2
    part = volume(truth[:, :size], at=(0, 5.0, 0))
    evaluate(volume(truth[:, 1:], at=(0, 5, 0)), part if size < 40 else volume(truth[:, 1:], at=(0, 5, 0)),
             organelle=organelle, registry=registry)  # fmt: skip
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert bool(lines) == warned
    assert all("only what both cover is scored: 51.3% of labels.zarr, 100.0%" in line for line in lines)


def test_reading_a_part_reads_that_part_only():
    labels = partition(9).astype(np.int32)
    labels[0] = -1
    ok = ids(volume(labels), role="labels")
    np.testing.assert_array_equal(ok.read(Box((1, 0, 0), SHAPE)), labels[1:])
    with pytest.raises(VolumeError, match="holds -1"):
        ok.read(ok.box)
