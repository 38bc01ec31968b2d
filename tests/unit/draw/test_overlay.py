from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from asem_core.draw import figure, overlay
from asem_core.draw.overlay import draw_evaluation, draw_segmentation
from asem_core.draw.paint import display_shape, fill, grey, outline, resize_mask, round_length
from asem_core.draw.planes import Plane, choose_planes, read_plane
from asem_core.errors import GeometryError
from asem_core.geometry import Box

from ..evaluation.volumes import Counting, blobs, volume

SHAPE = (20, 30, 40)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setattr(overlay, "PANEL_HEIGHT", 120)
    monkeypatch.setattr(overlay, "PANEL_WIDTH", {True: 200, False: 160})


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def has(picture, colour):
    return bool((picture == colour).all(axis=-1).any())


def raw(shape, **keywords):
    return volume(np.random.default_rng(0).integers(0, 65535, shape).astype(np.uint16), **keywords)


def test_a_segmentation_is_drawn_on_four_planes(tmp_path):
    mask = np.zeros(SHAPE, np.uint8)
    mask[10:14, 5:20, 5:20] = 1
    mask[12, :, :] = 1
    paths = draw_segmentation(raw(SHAPE), volume(mask), tmp_path / "new", organelle="mito")
    names = ["z0012", "z0010", "y0015", "x0020"]
    assert [path.name for path in paths] == [f"mito_segmentation_{name}.png" for name in names]
    for path in paths:
        assert has(pixels(path), overlay.SEGMENTATION)


def test_errors_have_their_colours(tmp_path):
    truth = np.zeros(SHAPE, np.uint8)
    truth[:, 8:22, 10:25] = 1
    predicted = np.roll(truth, 5, axis=2)
    for path in draw_evaluation(None, volume(predicted), volume(truth), tmp_path, organelle="er"):
        picture = pixels(path)
        picture = picture[figure.MARGIN + figure.HEAD + figure.CAPTION :][:100]
        plain = np.full((1, 1, 3), 110, np.uint8)
        expected = {
            "tp": fill(plain, np.ones((1, 1), bool), overlay.TRUE_POSITIVE, opacity=0.3),
            "fp": fill(plain, np.ones((1, 1), bool), overlay.FALSE_POSITIVE, opacity=0.6),
            "fn": fill(plain, np.ones((1, 1), bool), overlay.FALSE_NEGATIVE, opacity=0.6),
        }
        shown = {name: has(picture, colour[0, 0]) for name, colour in expected.items()}
        across_x = "_x" not in path.name
        assert shown["tp"] or not across_x
        assert (shown["fp"], shown["fn"]) == (across_x, across_x)


def test_what_lies_outside_the_mask_is_not_drawn(tmp_path):
    truth, mask = np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)
    truth[:, 8:22, 5:15] = 1
    predicted = np.maximum(truth, np.roll(truth, 20, axis=2))
    mask[:, :, 20:] = 0
    wrong = fill(np.full((1, 1, 3), 110, np.uint8), np.ones((1, 1), bool), overlay.FALSE_POSITIVE, opacity=0.6)[0, 0]
    for kept, drawn in ((None, True), (volume(mask), False)):
        paths = draw_evaluation(None, volume(predicted), volume(truth), tmp_path, organelle="er", mask=kept)
        (top,) = (path for path in paths if path.name.endswith("z0010.png"))
        picture = pixels(top)[figure.MARGIN + figure.HEAD + figure.CAPTION :][:100]
        assert has(picture, wrong) is drawn


def test_prediction_of_a_part_with_raw_of_the_whole(tmp_path):
    truth = blobs(SHAPE, 1)
    part = volume(truth[4:12, 10:, 5:35], at=(20, 50, 25))
    paths = draw_evaluation(raw(SHAPE), part, volume(truth), tmp_path, organelle="mito")
    assert {path.name[-9:-4] for path in paths} >= {"z0008", "y0020", "x0020"}
    for path in paths:
        assert not has(pixels(path)[100:250], overlay.FALSE_POSITIVE)


def test_only_planes_are_read(tmp_path):
    arrays = [Counting(blobs(SHAPE, seed)) for seed in (1, 2, 3)]
    draw_evaluation(*(volume(array) for array in arrays), tmp_path, organelle="mito")
    assert max(array.largest for array in arrays) == 30 * 40


def test_volumes_that_do_not_meet_are_refused(tmp_path):
    with pytest.raises(GeometryError, match="do not overlap"):
        draw_segmentation(raw((9, 9, 9), at=(900, 0, 0)), volume(blobs(SHAPE, 1)), tmp_path, organelle="mito")


def test_the_fullest_section_comes_first():
    mask = np.zeros(SHAPE, np.uint8)
    mask[3] = 1
    source = overlay._frame(volume(mask))
    planes = choose_planes(Box.of_shape(SHAPE), source)
    assert [plane.name for plane in planes] == ["z0003", "z0010", "y0015", "x0020"]
    np.testing.assert_array_equal(read_plane(source, planes[2]), mask[:, 15])


def test_what_lies_outside_a_volume_is_zero():
    source = overlay._frame(volume(np.ones((2, 2, 2), np.uint8)))
    plane = Plane(axis=1, index=1, region=Box((-1, 0, 0), (3, 2, 2)))
    assert read_plane(source, plane).tolist() == [[0, 0], [1, 1], [1, 1], [0, 0]]
    assert not read_plane(source, Plane(axis=0, index=9, region=plane.region)).any()


def test_pixels_are_square_in_nm():
    assert display_shape((10, 40), (20.0, 5.0), max_height=100, max_width=100) == ((100, 100), 2.0)
    assert display_shape((10, 40), (5.0, 5.0), max_height=100, max_width=100) == ((25, 100), 2.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, bool])
def test_grey_spans_black_to_white(dtype):
    plane = (np.arange(100).reshape(10, 10) > 49).astype(dtype)
    picture = grey(plane, (10, 10))
    assert picture.shape == (10, 10, 3)
    assert (picture.min(), picture.max()) == (0, 255)
    assert not grey(np.full((4, 4), 7, np.uint8), (4, 4)).any()


def test_masks_keep_their_place_when_resized():
    mask = np.zeros((8, 8), bool)
    mask[2:4, 4:8] = True
    np.testing.assert_array_equal(resize_mask(mask, (8, 8)), mask)
    assert resize_mask(mask, (80, 80))[22:38, 42:].all()
    assert resize_mask(mask, (4, 4)).sum() == 2


def test_an_outline_lies_inside_and_is_open_at_the_border():
    mask = np.zeros((9, 9), bool)
    mask[2:7, 4:] = True
    edge = outline(np.zeros((9, 9, 3), np.uint8), mask, (9, 9, 9), width=1).any(axis=-1)
    expected = mask.copy()
    expected[3:6, 5:] = False
    np.testing.assert_array_equal(edge, expected)


@pytest.mark.parametrize(("length", "expected"), [(1300, 1000), (1, 1), (4.9, 2), (5, 5), (0.3, 0.2), (99999, 50000)])
def test_round_length(length, expected):
    assert round_length(length) == pytest.approx(expected)


def test_narrow_panels_have_room_for_the_words(tmp_path):
    paths = draw_segmentation(raw((60, 6, 4)), volume(blobs((60, 6, 4), 1)), tmp_path, organelle="mito")
    sheet = pixels(paths[-1])
    assert (sheet[:, -figure.MARGIN :] == 255).all()
    assert (sheet[:, : figure.MARGIN] == 255).all()
