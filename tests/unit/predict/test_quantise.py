"""Bytes and labels from probabilities."""

from __future__ import annotations

import numpy as np

from asem_core.predict.quantise import quantise


def test_bytes_and_labels_come_from_the_float() -> None:
    probability = np.float32([[[0.0, 0.49999997, 0.5, 0.50196, 1.0]]])
    found = quantise(probability, threshold=0.5, dtype="uint8")
    assert found.probability.tolist() == [[[0, 127, 128, 128, 255]]]
    assert found.label.tolist() == [[[0, 0, 1, 1, 1]]]
    masked = quantise(probability, threshold=0.5, dtype="float32", mask=np.array([[[1, 1, 0, 1, 0]]]))
    np.testing.assert_array_equal(masked.probability, np.float32([[[0, 0.49999997, 0, 0.50196, 0]]]))
    assert masked.label.tolist() == [[[0, 0, 0, 1, 0]]]


def test_every_threshold_at_a_half_equals_bytes_from_128() -> None:
    probability = np.nextafter(np.float32(0.5), np.float32([0, 1]), dtype=np.float32)
    every = np.concatenate([np.linspace(0, 1, 100_001, dtype=np.float32), probability]).reshape(1, 1, -1)
    found = quantise(every, threshold=0.5, dtype="uint8")
    np.testing.assert_array_equal(found.label, found.probability >= 128)
