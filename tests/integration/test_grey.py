"""Grey values of every kind, through `asem segment`: right after the remedy that is named, or refused; none silent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from asem_core import Registry, Volume, open_labels, open_volume, segment
from asem_core.errors import AsemError, GeometryError, VolumeError
from asem_core.plugins import make_manager
from asem_core.specs import TrainedGrey
from asem_core.volume.grey import GreyRange, levels_on_scale, parse_grey

Make = Callable[..., Any]


def norm(a: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return ((a - a.mean()) / a.std()).astype("f4")


def one(a: npt.NDArray[np.uint8], value: float) -> npt.NDArray[np.float32]:
    image = (a / 255).astype("f4")
    image[a.shape[0] // 2, 10, 11] = value
    return image


AS_IT_IS: dict[str, Make] = {
    "uint8": lambda a: a,
    "full16": lambda a: a.astype("u2") * 257,
    "float01": lambda a: (a / 255).astype("f4"),
    "float16": lambda a: (a / 255).astype("f2"),
    "float64": lambda a: a / 255,
}
REMEDIED: dict[str, Make] = {
    "narrow16": lambda a: a.astype("u2") + 33000,
    "twelve": lambda a: a.astype("u2") * 16,
    "inverted": lambda a: 255 - a,
    "float255": lambda a: a.astype("f4"),
    "z-scored": norm,
    "int16": lambda a: a.astype("i2"),
    "int8": lambda a: (a.astype("i2") - 128).astype("i1"),
    "int16_positive": lambda a: a.astype("i2") * 64,
    "uint32": lambda a: a.astype("u4"),
    "uint64": lambda a: a.astype("u8"),
}
REFUSED: dict[str, Make] = {
    "nan_one": lambda a: one(a, np.nan),
    "inf_one": lambda a: one(a, np.inf),
    "constant": lambda a: np.full_like(a, 90),
    "black": np.zeros_like,
    "bool": lambda a: a > 128,
}


def named_remedies(said: str) -> list[str]:
    """What follows ``--grey`` in a message."""
    return [word for word in re.findall(r"--grey ([^\s,]+)", said) if word != "LOW:HIGH"]


CUT = np.s_[:16, :24, :24]
"""What one of the smallest tiles yields."""


@pytest.fixture(scope="module")
def settings(toy: Any) -> dict[str, Any]:
    return {"organelle": toy.organelle, "registry": Registry(make_manager([])), "runtime": "onnxruntime",
            "precision": "f32", "tile": (120, 128, 128)}  # fmt: skip


@pytest.fixture(scope="module")
def probabilities(
    settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Volume, GreyRange | None], npt.NDArray[np.float32]]:
    """What the toy model finds in a volume."""

    def found(volume: Volume, grey: GreyRange | None) -> npt.NDArray[np.float32]:
        output = tmp_path_factory.mktemp("found") / "found.zarr"
        segment(volume, output, grey=grey, prob_dtype="float32", **settings)
        result = open_volume(output)
        return np.asarray(result.read(result.box))

    return found


@pytest.fixture(scope="module")
def expected(probabilities: Any, tissue: Any, as_volume: Any) -> npt.NDArray[np.float32]:
    """Of the 8-bit image."""
    return np.asarray(probabilities(as_volume(tissue[CUT]), None))


@pytest.mark.parametrize("kind", [*REMEDIED, *AS_IT_IS])
def test_a_range_gives_the_probabilities_of_the_8_bit_image(
    probabilities: Any, expected: Any, tissue: npt.NDArray[np.uint8], as_volume: Callable[..., Volume], kind: str
) -> None:
    cut = tissue[CUT]
    mean, deviation = cut.mean(), cut.std()
    ranges = {
        "narrow16": "33000:33255", "twelve": "0:4080", "inverted": "255:0", "int8": "-128:127",
        "int16_positive": "0:16320", "z-scored": f"{-mean / deviation}:{(255 - mean) / deviation}",
    }  # fmt: skip
    grey = None if kind in AS_IT_IS else ranges.get(kind, "0:255")
    found = probabilities(as_volume({**AS_IT_IS, **REMEDIED}[kind](cut)), grey and parse_grey(grey))
    np.testing.assert_allclose(found, expected, atol=0.01 if kind == "float16" else 1e-3)


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("grey", [None, "auto", GreyRange(0, 1)])
def test_no_output_is_begun_for_what_is_refused(
    settings: dict[str, Any], tissue: Any, as_volume: Callable[..., Volume], tmp_path: Path, kind: str, grey: Any
) -> None:
    with pytest.raises(VolumeError, match=r"voxel 15,10,11 \(z,y,x\) is (nan|inf)|one grey level|black|booleans"):
        segment(as_volume(REFUSED[kind](tissue[:30])), tmp_path / "out.zarr", grey=grey, **settings)
    assert not list(tmp_path.glob("*out.zarr*"))


@pytest.mark.parametrize("kind", ["int16", "uint32", "float255"])
def test_a_type_that_says_nothing_is_refused_before_output(
    settings: dict[str, Any], tissue: Any, as_volume: Callable[..., Volume], tmp_path: Path, kind: str
) -> None:
    with pytest.raises(VolumeError, match=r"here --grey 0:255, or --grey auto"):
        segment(as_volume(REMEDIED[kind](tissue[:30])), tmp_path / "out.zarr", **settings)
    assert not list(tmp_path.glob("*out.zarr*"))


def test_another_range_is_another_run(
    settings: dict[str, Any], tissue: Any, as_volume: Callable[..., Volume], tmp_path: Path
) -> None:
    from asem_core.volume.formats.zarr_node import attributes

    output = tmp_path / "out.zarr"
    segment(as_volume(tissue[CUT]), output, grey=GreyRange(10, 240), **settings)
    (provenance,) = [found for found in attributes(output).values() if "settings" in found]
    assert provenance["source"]["grey"] == [10, 240]
    assert "grey levels 10:240 become 0..255" in provenance["notes"]
    with pytest.raises(AsemError):
        segment(as_volume(tissue[CUT]), output, grey=GreyRange(10, 241), **settings)


def test_a_mask_elsewhere_is_refused_and_a_larger_one_is_cut(
    settings: dict[str, Any], tissue: Any, as_volume: Callable[..., Volume], tmp_path: Path
) -> None:
    raw = attrs.evolve(as_volume(tissue[10:26, 5:29, 5:29]), lower_edge_nm=(100.0, 50.0, 50.0), states_place=True)
    inside = np.zeros(tissue.shape, np.uint8)
    inside[:, :, :17] = 1
    mask = attrs.evolve(as_volume(inside), states_place=True)
    segment(raw, tmp_path / "whole.zarr", **settings)
    segment(raw, tmp_path / "masked.zarr", mask=mask, **settings)
    whole, masked = (open_labels(tmp_path / f"{name}.zarr", "toy") for name in ("whole", "masked"))
    np.testing.assert_array_equal(masked.read(raw.box), whole.read(raw.box) * inside[10:26, 5:29, 5:29])
    elsewhere = attrs.evolve(raw, array=inside[10:26, 5:29, 5:29], lower_edge_nm=(5000.0, 50.0, 50.0))
    with pytest.raises(GeometryError, match="does not cover"):
        segment(raw, tmp_path / "out.zarr", mask=elsewhere, **settings)
    assert not list(tmp_path.glob("*out.zarr*"))


@pytest.fixture(scope="module")
def cut(real_data: Path) -> npt.NDArray[np.uint8]:
    """Hippocampus, 5 nm; mito-compact-10nm finds 36 % of it to be mitochondria."""
    files = sorted((real_data / "epfl_hippocampus" / "raw").glob("*.tif"))[20:120]
    return np.stack([tifffile.imread(path)[20:140, 650:790] for path in files])


@pytest.fixture(scope="module")
def share(as_volume: Callable[..., Volume], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., float]:
    """Share of an image that is found to be mitochondria."""
    pytest.importorskip("asem_organelle_mito")
    output = tmp_path_factory.mktemp("share") / "mito.zarr"

    def found(image: Any, grey: Any = None) -> float:
        volume = as_volume(image, (5.0, 5.0, 5.0))
        segment(volume, output, organelle="mito", model="mito-compact-10nm", grey=grey, precision="f32", overwrite=True)
        labels = open_labels(output, "mito")
        return float(labels.read(labels.box).mean())

    return found


@pytest.fixture(scope="module")
def right(cut: npt.NDArray[np.uint8], share: Callable[..., float]) -> float:
    return share(cut)


def said(caplog: pytest.LogCaptureFixture) -> str:
    return " ".join(r.getMessage() for r in caplog.records if r.name == "asem_core.volume.check")


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("kind", [*AS_IT_IS, *REMEDIED])
def test_real_tissue_is_right_within_two_percent_after_the_named_remedy(
    cut: npt.NDArray[np.uint8], share: Callable[..., float], right: float, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    assert 0.34 < right < 0.38
    image = {**AS_IT_IS, **REMEDIED}[kind](cut)
    if kind in AS_IT_IS:
        assert share(image) == pytest.approx(right, rel=0.02)
        assert said(caplog) == ""
        return
    try:
        wrong = share(image)
    except VolumeError as refusal:
        message = str(refusal)
    else:
        message = said(caplog)
        assert abs(wrong / right - 1) > 0.5
    remedies = named_remedies(message)
    assert len(remedies) == 2
    caplog.clear()
    for remedy in remedies:
        assert share(image, parse_grey(remedy)) == pytest.approx(right, rel=0.02)
    assert said(caplog) == ""


@pytest.mark.real_data
def test_the_card_says_what_real_tissue_has(cut: npt.NDArray[np.uint8], as_volume: Callable[..., Volume]) -> None:
    from asem_core.registry import make_registry

    known = {model.id: model.grey for model in make_registry().organelles["mito"].models}["mito-compact-10nm"]
    assert isinstance(known, TrainedGrey)
    levels = levels_on_scale(as_volume(cut, (5.0, 5.0, 5.0)))
    assert levels.low == pytest.approx(known.low[1], abs=8)
    assert levels.high == pytest.approx(known.high[1], abs=12)
    assert (levels.contrast or 0) > 0
