from __future__ import annotations

import numpy as np
import pytest

from asem_core.draw.cover import cover_picture, write_cover
from asem_core.errors import ModelError
from asem_core.zoo.write.rdf import for_older_readers
from asem_core.zoo.write.samples import cut_samples, parity_cube


def test_parity_cube_is_central_and_fits_the_graph():
    sample = np.zeros((163, 180, 400), np.float32)
    sample[81, 90, 200] = 7
    cube = parity_cube(sample)
    assert cube.shape == (160, 160, 160)
    assert cube[80, 80, 80] == 7
    with pytest.raises(ModelError, match="at least 160"):
        parity_cube(sample[:159])


def test_test_tensor_lies_on_a_boundary_of_the_organelle():
    sample = np.zeros((160, 160, 160), np.float32)
    sample[:, :, 70:] = 255
    bright = lambda raw: (raw > 127).astype(np.float32)  # noqa: E731
    samples = cut_samples(sample, bright(sample), bright)
    assert samples.test_input.shape == samples.test_output.shape == (112, 112, 112)
    assert samples.test_output[49:-49, 49:-49, 49:-49].mean() == 0.5
    cover_raw, cover_probability = samples.cover
    np.testing.assert_array_equal(cover_probability, cover_raw / 255)
    assert cover_raw.shape == (160, 160)


def test_cover_shows_raw_and_prediction(tmp_path):
    raw = np.full((20, 20), 100, np.float32)
    probability = np.zeros((20, 20), np.float32)
    probability[5:15, 5:15] = 0.9
    picture = cover_picture(raw, probability)
    assert picture.shape == (20, 40, 3)
    assert (picture[:, :20] == 100).all()
    assert (picture[0, 20:] == 100).all()
    assert tuple(picture[5, 25]) == (255, 140, 0)
    assert picture[10, 30, 0] > 100 > picture[10, 30, 2]
    write_cover(tmp_path / "cover.png", raw, probability)
    assert (tmp_path / "cover.png").read_bytes().startswith(b"\x89PNG")


def test_rewriting_for_older_readers():
    new = {
        "format_version": "0.5.12", "covers": [{"source": "c.png", "sha256": "x"}], 
        "documentation": {"source": "README.md"},
        "inputs": [{"axes": [{"id": "z", "pad": {"mode": "reflect"}, "unit": None}]}], "parent": None,
    }  # fmt: skip
    assert for_older_readers(new) == {
        "format_version": "0.5.4", "covers": ["c.png"], "documentation": "README.md",
        "inputs": [{"axes": [{"id": "z"}]}],
    }  # fmt: skip
