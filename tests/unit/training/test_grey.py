"""Grey values of training volumes: refused or brought to the scale before a file is written, and recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from asem_core.errors import ModelError, RecipeError, VolumeError
from asem_core.geometry import VoxelSize
from asem_core.registry import make_registry
from asem_core.training.grey import GREY_NAME, read_grey, write_grey
from asem_core.training.loop import train
from asem_core.training.recipe import Data, structure_recipe
from asem_core.training.volumes import LabelledVolume, load_data

RECIPE: dict[str, Any] = {
    "organelle": "mito", "voxel_size_nm": [10, 10, 10], "base": 2, "normalise": False,
    "phases": [{"iterations": 1, "side": 16, "padded": True}],
    "sampling": {"min_foreground": 0.0, "keep_without": 1.0, "min_inside": 0.0},
}  # fmt: skip


@pytest.fixture
def image() -> Any:
    """Dark stripes of 30 nm on a bright ground."""
    rng = np.random.default_rng(0)
    stripes = np.where(np.arange(130) % 16 < 3, 60, 170)
    return np.clip(stripes + rng.normal(0, 5, (8, 120, 130)), 1, 254).astype(np.uint8)


def write(folder: Path, values: Any) -> None:
    labels = np.zeros(values.shape, np.uint8)
    labels[:, 20:60, 20:60] = 1
    for name, array in (("raw", values), ("labels", labels)):
        zarr.create_array(folder / name, data=array, overwrite=True).attrs["resolution"] = [10, 10, 10]


def loaded(folder: Path, **data: Any) -> LabelledVolume:
    return load_data(
        Data(raw="raw", labels="labels", **data),
        folder=folder,
        organelle="mito",
        grid=VoxelSize((10, 10, 10)),
        registry=make_registry(),
    )


@pytest.mark.parametrize(
    ("make", "grey"),
    [
        (lambda a: a.astype("u2") * 16, "0:4080"),
        (lambda a: a.astype("i2") - 128, "-128:127"),
        (lambda a: 255 - a, "255:0"),
    ],
)
def test_a_range_brings_any_volume_to_the_same_values(tmp_path: Path, image: Any, make: Any, grey: str) -> None:
    write(tmp_path, image)
    expected = loaded(tmp_path)
    write(tmp_path, make(image))
    found = loaded(tmp_path, grey=grey)
    np.testing.assert_allclose(found.raw, expected.raw, atol=1e-4)
    assert found.levels is not None
    assert expected.levels is not None
    assert found.levels.low == pytest.approx(expected.levels.low, abs=0.1)
    assert found.levels.contrast == pytest.approx(expected.levels.contrast, abs=1e-3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda a: a.astype("i2"), "grey: LOW:HIGH, here grey: 0:255, or grey: auto"),
        (np.zeros_like, "black"),
        (lambda a: np.where(a == a.max(), np.nan, a / 255), "is nan"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_before_a_file_is_written(
    tmp_path: Path, image: Any, make: Any, said: str
) -> None:
    write(tmp_path, make(image))
    recipe = structure_recipe({**RECIPE, "training": [{"raw": "raw", "labels": "labels"}]}, where="test")
    with pytest.raises(VolumeError, match=said):
        train(recipe, tmp_path / "run", data_folder=tmp_path, registry=make_registry(), device="cpu")
    assert not (tmp_path / "run").exists()


def test_what_looks_wrong_is_said_with_the_key(tmp_path: Path, image: Any, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, image.astype("u2"))
    loaded(tmp_path)
    assert "give grey: 0:255 (those levels become 0 and 255) or grey: auto" in caplog.text


def test_contrast_is_that_of_the_volume_not_of_the_part(
    tmp_path: Path, image: Any, caplog: pytest.LogCaptureFixture
) -> None:
    upright = np.tile(image, (1, 4, 6))
    upright[:, :200, :130] = 255 - upright[:, :200, :130]
    write(tmp_path, upright)
    loaded(tmp_path, roi="0:8,0:200,0:130")
    assert "inverted" not in caplog.text
    write(tmp_path, 255 - upright)
    loaded(tmp_path, roi="0:8,0:200,0:130")
    assert "inverted" in caplog.text


def test_the_run_keeps_what_the_volumes_hold(tmp_path: Path, image: Any) -> None:
    write(tmp_path, image)
    volume = loaded(tmp_path)
    write_grey(tmp_path, [volume])
    found = read_grey(tmp_path)
    assert found is not None
    assert volume.levels is not None
    assert found.low == pytest.approx((volume.levels.low,) * 3, abs=0.06)
    assert found.contrast[1] > 0
    assert read_grey(tmp_path / "raw") is None
    (tmp_path / GREY_NAME).write_text("{}")
    with pytest.raises(ModelError, match="does not hold grey values"):
        read_grey(tmp_path)


def test_yaml_takes_a_range_without_quotes_for_a_time() -> None:
    for grey in ("15300", "5:5", "bright"):
        data = {"raw": "raw", "labels": "labels", "grey": grey}
        with pytest.raises(RecipeError, match='write it in quotes, such as grey: "255:0"'):
            structure_recipe({**RECIPE, "training": [data]}, where="test")
