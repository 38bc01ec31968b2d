"""Shape descriptors are those of the definition, voxel by voxel; a network learns them and leaves without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import zarr

from asem_core.geometry import VoxelSize
from asem_core.registry import make_registry
from asem_core.training.descriptors import Describing, connected, descriptor_loss, shape_descriptors
from asem_core.training.export import export_onnx, load_rounded
from asem_core.training.loop import train
from asem_core.training.recipe import Phase, Recipe, structure_recipe
from asem_core.training.sample import Sampler
from asem_core.training.start import make_network
from asem_core.training.unet import UNet
from asem_core.training.volumes import LabelledVolume

SIZE = VoxelSize((12, 8, 10))
SIGMA_NM = 15.0


def by_definition(objects: npt.NDArray[np.int32], voxel: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    """One voxel's descriptors, from the voxels of its object within three sigma, in nm."""
    reach = [int(3 * SIGMA_NM / size + 0.5) for size in SIZE.zyx]
    weight, total, places, weights = 0.0, 0.0, [], []
    for step in np.ndindex(*(2 * r + 1 for r in reach)):
        offset = np.array(step) - reach
        nm = offset * np.array(SIZE.zyx)
        weight = float(np.exp(-0.5 * (nm**2).sum() / SIGMA_NM**2))
        total += weight
        at = offset + voxel
        if (at >= 0).all() and (at < objects.shape).all() and objects[tuple(at)] == objects[voxel]:
            places.append(nm)
            weights.append(weight)
    w, p = np.array(weights), np.array(places)
    mean = (w[:, None] * p).sum(0) / w.sum()
    covariance = np.einsum("n,ni,nj->ij", w, p - mean, p - mean) / w.sum()
    variance = covariance.diagonal().clip(1e-6 * SIGMA_NM**2)
    pearson = [covariance[a, b] / np.sqrt(variance[a] * variance[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    found = [*(0.5 + 0.5 * mean / SIGMA_NM), *variance / SIGMA_NM**2, *(0.5 + 0.5 * np.array(pearson))]
    return np.array([*found, w.sum() / total]).clip(0, 1)


def test_descriptors_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(1)
    objects = np.zeros((9, 14, 12), np.int32)
    objects[1:7, 2:9, 1:6] = 4
    objects[2:9, 6:14, 6:12] = 2  # touches 4
    objects[rng.random(objects.shape) < 0.2] = 0
    objects[0, 0, 11] = 7  # a single voxel
    found = shape_descriptors(torch.from_numpy(objects), sigma_nm=SIGMA_NM, voxel_size=SIZE).numpy()
    assert found.shape == (10, 9, 14, 12)
    assert found.dtype == np.float32
    assert (found[:, objects == 0] == 0).all()
    inside = [tuple(at) for at in np.argwhere(objects)]
    chosen = [inside[number] for number in rng.permutation(len(inside))[:40]] + [(0, 0, 11)]
    for at in chosen:
        np.testing.assert_allclose(found[(slice(None), *at)], by_definition(objects, at), atol=2e-4, err_msg=str(at))
    assert len({found[3, *at].round(3) for at in chosen}) > 20


def test_a_rod_along_the_diagonal_is_known_by_its_correlation() -> None:
    rod = np.zeros((9, 9, 9), np.int32)
    for n in range(9):
        rod[n, n, 8 - n] = 1
    middle = shape_descriptors(torch.from_numpy(rod), sigma_nm=20, voxel_size=VoxelSize((10, 10, 10)))[:, 4, 4, 4]
    np.testing.assert_allclose(middle[:3], 0.5, atol=1e-5)
    np.testing.assert_allclose(middle[6:9], [1, 0, 0], atol=1e-4)


def test_objects_are_connected_by_faces() -> None:
    organelle = torch.zeros(2, 2, 4, dtype=torch.int32)
    organelle[0, 0, :2] = organelle[1, 1, 1] = organelle[0, 0, 3] = 1
    ids = connected(organelle)
    assert ids[0, 0].tolist() == [1, 1, 0, 2]
    assert int(ids[1, 1, 1]) == 3


def test_the_loss_is_the_error_where_the_mask_is() -> None:
    logits, target = torch.zeros(1, 10, 1, 1, 3), torch.zeros(1, 10, 1, 1, 3)
    target[..., 1], target[..., 2] = 1.0, 0.5
    logits[..., 0] = -50
    assert float(descriptor_loss(logits, target, torch.tensor([[[[1.0, 1.0, 0.0]]]]))) == pytest.approx(0.125)
    assert float(descriptor_loss(logits, target, torch.zeros(1, 1, 1, 3))) == 0


@pytest.fixture(scope="module")
def cell() -> LabelledVolume:
    z, y, x = np.meshgrid(*(np.arange(n) for n in (40, 44, 48)), indexing="ij")
    labels = ((np.sin(0.3 * z) + np.cos(0.25 * y) + np.sin(0.2 * x + 1)) > 0.8).astype(np.uint8)
    return LabelledVolume(name="memory", raw=labels.astype(np.float32), labels=labels, share=1.0)


def recipe(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "organelle": "mito", "voxel_size_nm": [10, 10, 10], "training": [{"raw": "raw", "labels": "labels"}],
        "phases": [{"iterations": 3, "side": 16, "padded": True, "rate": [1e-3, 1e-3]},
                   {"iterations": 1, "side": 100, "rate": [1e-3, 1e-3], "frozen": True}],
        "sampling": {"min_foreground": 0.0, "keep_without": 1.0, "min_inside": 0.0}, "base": 2, "normalise": True,
        "shape_descriptors_nm": 30.0, "settle_blocks": 1, "checkpoint_every": 2, **changes,
    }  # fmt: skip
    return structure_recipe(values, where="test")


def test_a_block_knows_objects_beyond_its_core_as_far_as_labels_reach(cell: LabelledVolume) -> None:
    """Where all is one object the window is full and centred also at the faces of the core."""
    still = {"elastic_sigma": 0.0, "rotate": False, "section_shift_probability": 0.0}
    plan = recipe(augment=still)
    draw = Sampler([cell], plan, torch.device("cpu"))
    block = draw.block(0, Phase(iterations=1, side=100))
    assert block.descriptors is not None
    assert block.descriptors.shape == (10, 6, 6, 6)
    assert (block.descriptors[:, block.labels == 0] == 0).all()
    plain = Sampler([cell], recipe(augment=still, shape_descriptors_nm=None), torch.device("cpu"))
    assert plain.block(0, Phase(iterations=1, side=100)).descriptors is None
    whole = LabelledVolume(name="ones", raw=cell.raw, labels=np.ones_like(cell.labels), share=1.0)
    full = Sampler([whole], plan, torch.device("cpu")).block(0, Phase(iterations=1, side=100)).descriptors
    assert full is not None
    np.testing.assert_allclose(full[9], 1, atol=1e-4)
    np.testing.assert_allclose(full[:3], 0.5, atol=1e-4)


def write(cell: LabelledVolume, folder: Path) -> None:
    for name, values in (("raw", 200 * cell.labels + 20), ("labels", cell.labels)):
        array = zarr.create_array(folder / name, data=values.astype(np.uint8), chunks=(16, 16, 16))
        array.attrs["resolution"] = [10, 10, 10]


def test_a_network_trains_with_the_head_and_leaves_without(cell: LabelledVolume, tmp_path: Path) -> None:
    write(cell, tmp_path)
    result = train(recipe(), tmp_path / "run", data_folder=tmp_path, device="cpu")
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["model_state_dict"]
    before = Describing(make_network(recipe(), make_registry())).head.weight
    assert not torch.equal(state["head.weight"], before)
    assert torch.allclose(state["head.weight"], before, atol=0.02)
    network = load_rounded(result.weights, base=2)
    plain = set(UNet(2).state_dict())
    assert set(torch.load(result.weights, weights_only=True)) == plain
    export_onnx(network, tmp_path / "weights.onnx")
    without = train(recipe(shape_descriptors_nm=None), tmp_path / "without", data_folder=tmp_path, device="cpu").weights
    ours, theirs = (torch.load(path, weights_only=True) for path in (result.weights, without))
    assert any(not torch.equal(ours[name], theirs[name]) for name in plain)


def test_a_killed_run_goes_on_to_the_same_weights(cell: LabelledVolume, tmp_path: Path) -> None:
    write(cell, tmp_path)

    def killed(sweep: str, done: int, total: int, note: str = "") -> None:
        if (sweep, done) == ("train", 3):
            raise KeyboardInterrupt

    whole = train(recipe(), tmp_path / "whole", data_folder=tmp_path, device="cpu").weights
    with pytest.raises(KeyboardInterrupt):
        train(recipe(), tmp_path / "killed", data_folder=tmp_path, device="cpu", progress=killed)
    again = train(recipe(), tmp_path / "killed", data_folder=tmp_path, device="cpu").weights
    expected, found = (torch.load(path, weights_only=True) for path in (whole, again))
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_the_head_follows_the_padding_of_the_network() -> None:
    network = Describing(UNet(1))
    network.pad(True)
    assert [tuple(out.shape[2:]) for out in network(torch.zeros(1, 1, 16, 16, 16))] == [(16, 16, 16)] * 2
    network.pad(False)
    assert [tuple(out.shape) for out in network(torch.zeros(1, 1, 100, 100, 100))] == [
        (1, 2, 6, 6, 6), (1, 10, 6, 6, 6),
    ]  # fmt: skip
