"""An analysis returns the outputs that its spec states, and its parameters become options; else it is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from click.testing import CliRunner

from asem_core.analysis import analyze
from asem_core.cli.analyze import analyze as verb
from asem_core.errors import AsemError, PluginError
from asem_core.registry import Registry
from asem_core.specs import AnalysisSpec, Output

from . import analyses
from .toys import plugin, registry_of

HERE = f"{__name__.rpartition('.')[0]}.analyses"
OUTPUTS = (
    Output(names=("voxels",), dtype="int64", text="size"),
    Output(names=("name",), dtype="str", text="what it is called"),
    Output(names=("length_nm",), dtype="float64", text="of the skeleton", optional=True),
    Output(names=("near_OTHER",), dtype="bool", text="whether the other organelle is near"),
    Output(names=("profile",), dtype="float32", text="grey", dims=("thing", "depth")),
    Output(names=("depth_nm",), dtype="float64", text="of a place in the profile", dims=("depth",)),
)


def spec(name: str = "sizes", params: str = "Params", **values: Any) -> AnalysisSpec:
    given = {"row": "thing", "outputs": OUTPUTS, "takes": ("others",), **values}
    return AnalysisSpec(
        name=name, version="1", summary="measure sizes", fn=f"{HERE}:measure", params=f"{HERE}:{params}", **given
    )


def registry_with(*specs: AnalysisSpec) -> Registry:
    return registry_of(sizes=plugin(asem_register_analyses=lambda: list(specs)))


@pytest.fixture(autouse=True)
def returns() -> Iterator[dict[str, Any]]:
    """What the analysis returns otherwise than it should."""
    analyses.RETURNS.clear()
    yield analyses.RETURNS
    analyses.RETURNS.clear()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    array = zarr.create_array(tmp_path / "x.zarr", data=np.ones((4, 4, 4), np.uint16), chunks=(4, 4, 4), zarr_format=2)
    array.attrs.update(resolution=[5, 5, 5], offset=[0, 0, 0])
    return tmp_path / "x.zarr"


def run(source: Path, registry: Registry | None = None, **values: Any) -> xr.Dataset:
    return analyze(
        source,
        source.parent / "out",
        analysis="sizes",
        registry=registry or registry_with(spec()),
        overwrite=True,
        **values,
    )


def test_a_good_analysis_passes_and_its_variables_are_described(source: Path) -> None:
    found = run(source, others={"er": source, "golgi": source})
    assert set(found.data_vars) == {
        "voxels", "name", "length_nm", "near_er", "near_golgi", "profile", "depth_nm",
    }  # fmt: skip
    with xr.open_zarr(source.parent / "out" / "sizes.zarr") as stored:
        assert stored["near_golgi"].attrs["long_name"] == "whether the other organelle is near"
        assert stored["profile"].attrs["long_name"] == "grey"


def test_what_is_optional_may_be_missing(source: Path) -> None:
    assert "length_nm" not in run(source, params={"skeleton": False})


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "one is missing": ({"voxels": None}, "voxels is missing"),
    "two are missing": ({"voxels": None, "profile": None}, "voxels is missing; profile is missing"),
    "one more": ({"colour": ("thing", [1.0, 2.0])}, "colour is not stated"),
    "a type": ({"voxels": ("thing", np.array([3.0, 4.0]))}, r"voxels is float64 \(thing\), stated int64 \(thing\)"),
    "a width": ({"voxels": ("thing", np.array([3, 4], np.int32))}, r"voxels is int32 \(thing\), stated int64"),
    "numbers for words": ({"name": ("thing", np.array([1, "a"], object))}, r"name is object \(thing\), stated str"),
    "dimensions": ({"profile": (("depth", "thing"), np.zeros((5, 2), np.float32))},
                   r"profile is float32 \(depth, thing\), stated float32 \(thing, depth\)"),
    "no row": ({"voxels": ((), 3)}, r"voxels is int64 \(\), stated int64 \(thing\)"),
    "another row": ({"voxels": ("object", np.array([3, 4]))}, r"voxels is int64 \(object\), stated int64 \(thing\)"),
    "no data set": ({"instead": {"voxels": [3, 4]}}, r"must return an xarray\.Dataset, got dict"),
    "None": ({"instead": None}, r"must return an xarray\.Dataset, got NoneType"),
    "nothing in it": ({"instead": xr.Dataset()}, "voxels is missing; name is missing; profile is missing"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_one_is_named_and_leaves_nothing(source: Path, returns: dict[str, Any], fault: str) -> None:
    given, says = WRONG[fault]
    returns.update(given)
    with pytest.raises(PluginError, match=says) as caught:
        run(source)
    assert str(caught.value).startswith("the analysis sizes ")
    assert "\n" not in str(caught.value)
    assert not (source.parent / "out").exists()


def test_a_missing_column_of_another_organelle(source: Path, returns: dict[str, Any]) -> None:
    returns["near_er"] = None
    with pytest.raises(PluginError, match="near_er is missing"):
        run(source, others={"er": source})


def test_the_row_comes_first(source: Path, returns: dict[str, Any]) -> None:
    first = (Output(names=("depth_nm",), dtype="float64", text="depth", dims=("depth",)), *OUTPUTS[:-1])
    returns["instead"] = xr.Dataset(
        {"depth_nm": ("depth", np.arange(5.0)), **analyses.good([], skeleton=True)}, {"thing": [1, 2]}
    )
    with pytest.raises(PluginError, match="the dimension thing must be the first of depth, thing"):
        run(source, registry_with(spec(outputs=first)))


def test_another_organelle_whose_name_makes_a_column_twice(source: Path) -> None:
    outputs = (*OUTPUTS, Output(names=("near_any",), dtype="bool", text="any"))
    with pytest.raises(AsemError, match="two columns would be called near_any: give the other organelle another name"):
        run(source, registry_with(spec(outputs=outputs)), others={"any": source})


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ("Clashing", "the field threshold is called like threshold, which the verb has already"),
        ("ClashingAbbreviated", "the field json is called like --json, which the verb has already"),
        ("ClashingNegation", "the field no_skeleton is called like --no-skeleton, which the verb has already"),
        ("NoOption", "parameter sizes is a tuple"),
        ("Dangling", "name 'Missing' is not defined"),
        ("Plain", "expected an attrs class"),
        ("nothing", f"cannot load {HERE}:nothing"),
    ],
)
def test_parameters_that_cannot_be_options_are_said_where_the_verb_is_used(
    source: Path, params: str, says: str
) -> None:
    registry = registry_with(spec(), spec("bad", params))
    assert "bad" in CliRunner().invoke(verb, ["--help"], obj=registry).output
    assert "--skeleton" in CliRunner().invoke(verb, ["sizes", "--help"], obj=registry).output
    for words in (["bad", "--help"], ["bad", str(source), "-o", "out"]):
        error = CliRunner().invoke(verb, words, obj=registry).exception
        assert isinstance(error, PluginError)
        assert says in str(error)
        if params != "nothing":
            assert str(error).startswith("the parameters of the analysis bad (asem-organelle-sizes 1.2) cannot be ")
