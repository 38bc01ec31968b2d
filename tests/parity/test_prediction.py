"""Tiles, ROIs, threads and tile sizes do not change the prediction; one pass over the whole volume gives the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pytest
import zarr

from asem_core import Box, Registry, Volume, segment
from asem_core.errors import AsemError
from asem_core.grid.mirror import mirrored_index
from asem_core.network import TILE_HALO

MEMORY = 2 * 10**9


class Case:
    """Runs the toy model and reads what it wrote."""

    def __init__(self, toy: Any, registry: Registry, folder: Path) -> None:
        self.toy, self.registry, self.folder, self.count = toy, registry, folder, 0

    def __call__(self, volume: Volume, **options: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        self.count += 1
        path = self.folder / f"{self.count}.zarr"
        options = {
            "prob_dtype": "float32",
            "runtime": "onnxruntime",
            "tile": 152,
            "organelle": self.toy.organelle,
            **options,
        }
        segment(volume, path, registry=self.registry, max_memory=MEMORY, **options)
        root = zarr.open_group(path, mode="r")
        return np.asarray(root["0"]), np.asarray(root["labels/toy/0"])


@pytest.fixture
def run(toy: Any, registry: Registry, tmp_path: Path) -> Case:
    return Case(toy, registry, tmp_path)


def one_pass(onnx: Path, raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The network on the whole mirrored volume at once."""
    padded = [n + 2 * TILE_HALO + -n % 8 for n in raw.shape]
    at = np.ix_(*(mirrored_index(-TILE_HALO, p - TILE_HALO, n) for p, n in zip(padded, raw.shape, strict=True)))
    block = raw[at].astype(np.float32) * np.float32(2 / 255) - 1
    session = ort.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    out = session.run(None, {session.get_inputs()[0].name: block[None, None]})[0][0, 0]
    inner = Box.of_shape(raw.shape).shift((TILE_HALO,) * 3)
    return np.asarray(out[inner.slices])


def test_whole_volume_equals_one_pass(run: Case, toy: Any, tissue: Any, as_volume: Callable[..., Volume]) -> None:
    probability, label = run(as_volume(tissue))
    expected = one_pass(toy.onnx, tissue)
    assert 0.02 < label.mean() < 0.98, "the toy network must have something to segment"
    np.testing.assert_allclose(probability, expected, atol=1e-5)
    np.testing.assert_array_equal(label, probability >= np.float32(0.5))


@pytest.mark.parametrize("tile", [232, (136, 168, 152), None])
@pytest.mark.parametrize("voxel", [(10.0, 10.0, 10.0), (10.0, 5.0, 5.0)])
def test_tile_sizes_agree(
    run: Case, tissue: Any, as_volume: Callable[..., Volume], tile: Any, voxel: tuple[float, float, float]
) -> None:
    small, _ = run(as_volume(tissue, voxel), tile=168)
    other, _ = run(as_volume(tissue, voxel), tile=tile)
    np.testing.assert_allclose(small, other, atol=1e-5)


def test_roi_is_the_crop_of_tiles_that_differ_per_axis(
    run: Case, tissue: Any, as_volume: Callable[..., Volume]
) -> None:
    box = Box.parse("3:60,5:77,11:80")
    whole, _ = run(as_volume(tissue), tile=(136, 168, 152))
    part, _ = run(as_volume(tissue), tile=(136, 168, 152), roi=box)
    np.testing.assert_array_equal(part, whole[box.slices])


@pytest.mark.parametrize("voxel", [(10.0, 10.0, 10.0), (5.0, 5.0, 5.0), (8.0, 5.0, 7.0)])
def test_a_part_with_tiles_of_its_own_is_that_of_the_whole(
    run: Case, tissue: Any, as_volume: Callable[..., Volume], voxel: tuple[float, float, float]
) -> None:
    box = Box.parse("13:60,21:55,11:80")
    whole, _ = run(as_volume(tissue, voxel), tile=None)
    part, label = run(as_volume(tissue, voxel), tile=None, roi=box)
    np.testing.assert_allclose(part, whole[box.slices], atol=1e-5)
    np.testing.assert_array_equal(label, part >= np.float32(0.5))


@pytest.mark.parametrize("voxel", [(10.0, 10.0, 10.0), (8.0, 5.0, 7.0)])
def test_a_part_of_sections_is_that_of_blocks(
    run: Case, tissue: Any, as_volume: Callable[..., Volume], voxel: tuple[float, float, float]
) -> None:
    image = np.tile(tissue, (4, 1, 1))
    blocks = as_volume(image, voxel)
    sections = attrs.evolve(blocks, chunks=(1, *image.shape[1:]))
    box = Box.parse("150:170,30:50,60:80")
    np.testing.assert_array_equal(run(sections, tile=136, roi=box)[0], run(blocks, tile=136, roi=box)[0])


@pytest.mark.parametrize("roi", ["64:70,0:64,0:80", "3:60,5:77,11:80", "69:70,89:90,79:80"])
@pytest.mark.parametrize("voxel", [(10.0, 10.0, 10.0), (5.0, 5.0, 5.0), (8.0, 5.0, 7.0)])
def test_roi_is_the_crop(
    run: Case, tissue: Any, as_volume: Callable[..., Volume], roi: str, voxel: tuple[float, float, float]
) -> None:
    box = Box.parse(roi)
    whole, whole_label = run(as_volume(tissue, voxel))
    part, part_label = run(as_volume(tissue, voxel), roi=box)
    np.testing.assert_array_equal(part, whole[box.slices])
    np.testing.assert_array_equal(part_label, whole_label[box.slices])


def test_shards_change_nothing(run: Case, tissue: Any, as_volume: Callable[..., Volume]) -> None:
    probability, label = run(as_volume(tissue))
    in_shards = run(as_volume(tissue), shard=128)
    np.testing.assert_array_equal(in_shards[0], probability)
    np.testing.assert_array_equal(in_shards[1], label)


def test_threads_and_openvino(run: Case, tissue: Any, as_volume: Callable[..., Volume]) -> None:
    two, _ = run(as_volume(tissue), workers=2)
    one, _ = run(as_volume(tissue), workers=1)
    np.testing.assert_array_equal(one, two)
    pytest.importorskip("openvino", reason="there is no OpenVINO for this platform")
    other, _ = run(as_volume(tissue), runtime="openvino", precision="f32")
    np.testing.assert_allclose(other, two, atol=1e-5)


@pytest.mark.parametrize(
    "voxel", [(10.0, 10.0, 10.0), (5.0, 5.0, 5.0), (5.0, 10.0, 5.0), (7.0, 7.0, 6.0), (16.0, 16.0, 16.0)]
)
def test_bytes_follow_from_floats(
    run: Case, tissue: Any, as_volume: Callable[..., Volume], voxel: tuple[float, float, float]
) -> None:
    exact, label = run(as_volume(tissue, voxel))
    rounded, same_label = run(as_volume(tissue, voxel), prob_dtype="uint8")
    np.testing.assert_array_equal(rounded, np.rint(exact * np.float32(255)))
    np.testing.assert_array_equal(label, same_label)
    # p >= 0.5 taken from the float is the same decision as u >= 128.
    np.testing.assert_array_equal(label, rounded >= 128)


@pytest.mark.parametrize("voxel", [(10.0, 10.0, 10.0), (5.0, 5.0, 5.0), (8.0, 8.0, 8.0)])
def test_mask(run: Case, tissue: Any, as_volume: Callable[..., Volume], voxel: tuple[float, float, float]) -> None:
    mask = np.zeros(tissue.shape, np.uint8)
    mask[:20, 30:50, :] = 255
    free, _ = run(as_volume(tissue, voxel))
    masked, label = run(as_volume(tissue, voxel), mask=as_volume(mask, voxel))
    np.testing.assert_array_equal(masked, np.where(mask, free, 0))
    assert not label[mask == 0].any()


def test_sixteen_bit_and_float_inputs_agree(run: Case, tissue: Any, as_volume: Callable[..., Volume]) -> None:
    from_bytes, _ = run(as_volume(tissue))
    from_words, _ = run(as_volume(tissue.astype(np.uint16) * 257))
    from_floats, _ = run(as_volume(tissue.astype(np.float32) / 255))
    np.testing.assert_allclose(from_words, from_bytes, atol=1e-5)
    np.testing.assert_allclose(from_floats, from_bytes, atol=1e-5)


def test_upsampling_is_aligned(run: Case, toy: Any, tissue: Any, as_volume: Callable[..., Volume]) -> None:
    """On a two-fold finer grid the result is the model-grid prediction, moved by less than half a model voxel."""
    fine = np.repeat(np.repeat(np.repeat(tissue, 2, 0), 2, 1), 2, 2)
    coarse, _ = run(as_volume(tissue))
    probability, _ = run(as_volume(fine, (5.0, 5.0, 5.0)))
    means = probability.reshape(70, 2, 90, 2, 80, 2).mean((1, 3, 5))
    smooth = coarse.copy()
    for axis in range(3):
        padded = np.pad(smooth, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="symmetric")
        before, middle, after = (np.take(padded, np.arange(k, k + smooth.shape[axis]), axis) for k in range(3))
        smooth = 0.125 * before + 0.75 * middle + 0.125 * after
    inner = (slice(1, -1),) * 3
    np.testing.assert_allclose(means[inner], smooth[inner], atol=2e-5)


def test_provenance_and_place(
    toy: Any, registry: Registry, tissue: Any, as_volume: Callable[..., Volume], tmp_path: Path
) -> None:
    import attrs

    from asem_core import open_labels, open_volume

    volume = attrs.evolve(as_volume(tissue), lower_edge_nm=(100.0, 0.0, 50.0))
    result = segment(
        volume,
        tmp_path / "p.zarr",
        organelle=toy.organelle,
        registry=registry,
        roi=Box.parse("10:40,0:64,8:70"),
        tile=168,
        max_memory=MEMORY,
    )
    opened = open_volume(result.path, registry=registry)
    labels = open_labels(result.path, "toy", registry=registry)
    assert opened.lower_edge_nm == labels.lower_edge_nm == (200.0, 0.0, 130.0)
    assert opened.shape == labels.shape == (30, 64, 62)
    provenance = zarr.open_group(result.path, mode="r").attrs["asem"]
    settings = provenance["settings"]
    assert settings["model"]["sha256"] == toy.organelle.models[0].sha256
    assert settings["roi"] == "10:40,0:64,8:70"
    assert provenance["source"] == volume.identity


def test_too_far_from_the_model(run: Case, toy: Any, tissue: Any, as_volume: Callable[..., Volume]) -> None:
    with pytest.raises(AsemError, match="factor of 9"):
        run(as_volume(tissue), organelle=toy.at((90.0, 90.0, 90.0)))
