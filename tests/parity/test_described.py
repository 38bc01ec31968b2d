"""Models from elsewhere, tile by tile, against what they are for a whole image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import zarr

from asem_core import Box, segment
from asem_core.grid.resample import resample
from asem_core.models.runtimes import openvino_runtime
from asem_core.specs import OrganelleSpec, StageRef

from ..box_model import box_filter, write_box_model

BOX = OrganelleSpec(name="box", title="Box", exclusion_zone=StageRef(name="shell", params={"dilate": 1, "erode": 1}))
RUNTIMES = ["onnxruntime", pytest.param("openvino", marks=pytest.mark.skipif(
    isinstance(openvino_runtime.probe(), str), reason="OpenVINO is not installed"))]  # fmt: skip


@pytest.fixture
def predicted(tmp_path: Any, registry: Any, as_volume: Any) -> Any:
    """Write a model, run it on an image, return the probabilities."""
    runs = iter(range(100))

    def run(
        image: Any, *, volume_nm: Any = (10.0, 10.0, 10.0), model: Any = None, options: Any = None, **described: Any
    ) -> Any:
        number = next(runs)
        model = model or write_box_model(tmp_path / f"model{number}", **described)
        output = tmp_path / f"{number}.zarr"
        given = {"runtime": "onnxruntime", "precision": "f32", "prob_dtype": "float32", **(options or {})}
        segment(as_volume(image, volume_nm), output, organelle=BOX, model=model, registry=registry, **given)
        labels = np.asarray(zarr.open_array(output / "labels/box/0", mode="r")[:])
        found = np.asarray(zarr.open_array(output / "0", mode="r")[:])
        np.testing.assert_array_equal(labels, found >= (0.5 if found.dtype.kind == "f" else 128))
        return found

    return run


@pytest.fixture(scope="module")
def image(tissue: Any) -> Any:
    return tissue[:41, :50, :45]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    "described",
    [
        {},
        {"sizes": [16, 24, 24]},
        {"sizes": [9, {"min": 17, "step": 4}, {"min": 20, "step": 5}], "width": (5, 3, 1)},
        {"valid": True},
        {"valid": True, "sizes": [16, 24, 32]},
        {"axes": ("batch", "x", "z", "y", "channel"), "sizes": [12, {"min": 16, "step": 8}, {"min": 24, "step": 8}]},
    ],
    ids=["any size", "fixed", "mixed", "smaller output", "fixed, smaller output", "axes"],
)
def test_blockwise_equals_the_whole_image(predicted: Any, image: Any, described: Any, runtime: str) -> None:
    found = predicted(image, options={"runtime": runtime}, **described)
    np.testing.assert_allclose(found, box_filter(image / 255, described.get("width", (3, 5, 5))), atol=1e-6)


def test_the_tile_does_not_matter_and_a_roi_is_a_crop(predicted: Any, image: Any, tmp_path: Any) -> None:
    model = write_box_model(tmp_path / "model")
    truth = box_filter(image / 255, (3, 5, 5))
    roi = Box((5, 11, 8), (40, 43, 45))
    for options in ({"tile": 24}, {"tile": 40}, {"tile": 32, "roi": roi}):
        found = predicted(image, model=model, options=options)
        np.testing.assert_allclose(found, truth[options["roi"].slices] if "roi" in options else truth, atol=1e-6)


def test_probabilities_as_bytes(predicted: Any, image: Any) -> None:
    found = predicted(image, options={"prob_dtype": "uint8"})
    assert np.abs(found - 255 * box_filter(image / 255, (3, 5, 5))).max() <= 0.5 + 1e-3


STATISTICS = {
    "mean and deviation": (
        [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["channel", "z", "y", "x"], "eps": 1e-6}}],
        lambda v: (v - v.mean()) / (v.std() + 1e-6),
    ),
    "of the data set": ([{"id": "zero_mean_unit_variance"}], lambda v: (v - v.mean()) / (v.std() + 1e-6)),
    "percentiles": (
        [{"id": "scale_range", "kwargs": {"axes": ["z", "y", "x"], "min_percentile": 1, "max_percentile": 99.8}},
         {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}}],
        lambda v: np.clip((v - np.percentile(v, 1)) / (np.percentile(v, 99.8) - np.percentile(v, 1) + 1e-6), 0, 1),
    ),
    "fixed": (
        [{"id": "scale_linear", "kwargs": {"gain": 1 / 255, "offset": -0.5}}],
        lambda v: v / 255 - 0.5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_statistics_are_those_of_the_whole_volume(predicted: Any, image: Any, name: str, dtype: str) -> None:
    stored = {"uint8": image, "uint16": image * np.uint16(257), "float32": image / np.float32(255)}[dtype]
    steps, truth = STATISTICS[name]
    found = predicted(stored, preprocessing=steps, gains=(1.0,), options={"roi": Box((0, 0, 0), (20, 50, 45))})
    np.testing.assert_allclose(found, box_filter(truth(image.astype(float)), (3, 5, 5))[:20], atol=2e-5)


def test_postprocessing_over_channels(predicted: Any, image: Any) -> None:
    found = predicted(
        image,
        gains=(1 / 255, 3 / 255),
        postprocessing=[{"id": "softmax", "kwargs": {"axis": "channel"}}],
        options={"channel": "box1"},
    )
    low, high = (np.exp(gain * box_filter(image / 255, (3, 5, 5))) for gain in (1, 3))
    np.testing.assert_allclose(found, high / (low + high), atol=1e-6)


@pytest.mark.parametrize(
    ("data", "gain"), [({"type": "uint16"}, 257.0), ({"type": "float32", "range": [0.0, 1.0]}, 1 / 255)]
)
def test_grey_values_as_the_model_expects_them(predicted: Any, image: Any, data: Any, gain: float) -> None:
    found = predicted(image, data=data, gains=(1 / 255 / gain,))
    np.testing.assert_allclose(found, box_filter(image / 255, (3, 5, 5)), atol=1e-6)


def test_its_own_voxel_size(predicted: Any, image: Any) -> None:
    """A box of one voxel changes nothing, so that only the way to the model's grid and back is seen."""
    fine = np.repeat(np.repeat(image[:20, :20, :20], 2, 1), 2, 2)
    found = predicted(fine, volume_nm=(10.0, 5.0, 5.0), nm=(10.0, 10.0, 10.0), width=(1, 1, 1))
    whole = Box.of_shape(fine.shape)
    padded = np.pad(image[:20, :20, :20] / np.float32(255), 1, mode="symmetric")
    np.testing.assert_allclose(found, resample(padded, (-1, -1, -1), whole, (1.0, 0.5, 0.5)), atol=1e-6)
