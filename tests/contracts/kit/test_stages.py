"""The contract kit passes a good stage, reader, analysis and runtime, and a wrong one fails where it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from asem_core.registry import Registry
from asem_core.specs import (
    AnalysisSpec,
    ExclusionZoneSpec,
    LabelRuleSpec,
    Output,
    PreprocessorSpec,
    ReaderSpec,
    RuntimeSpec,
)
from asem_core.testing import Check, Finding, Sample, plugin_checks
from asem_core.testing.kit import checks_of_spec

from ..toys import plugin, registry_of
from . import toys

HERE = f"{__name__.rpartition('.')[0]}.toys"
COMMON = {"version": "1", "summary": "a toy", "params": "Nothing"}
OUTPUTS = (
    Output(names=("voxels",), dtype="int64", text="size"),
    Output(names=("volume_nm3",), dtype="float64", text="size"),
    Output(names=("length_nm",), dtype="float64", text="edge of a cube of this size"),
)
UNITLESS = (*OUTPUTS[:2], Output(names=("length",), dtype="float64", text="edge of a cube of this size"))
GOOD: dict[str, tuple[type, dict[str, Any]]] = {
    "label_rules": (LabelRuleSpec, {**COMMON, "fn": "alone", "halo": "one_voxel"}),
    "preprocessors": (PreprocessorSpec, {**COMMON, "fn": "dark", "halo": "one_voxel", "dtype_out": "uint8"}),
    "exclusion_zones": (ExclusionZoneSpec, {**COMMON, "fn": "rim", "halo": "one_voxel"}),
    "readers": (ReaderSpec, {"summary": "", "accepts": "accepts", "open": "open_toy"}),
    "analyses": (AnalysisSpec, {**COMMON, "fn": "sizes", "report": "page", "row": "object", "outputs": OUTPUTS}),
    "runtimes": (RuntimeSpec, {"summary": "", "probe": "probe", "open": "open_session"}),
}
"""Per hook its spec; names of functions are those of `toys`."""
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("label_rules", {"fn": "missing"}, "functions", "fn: cannot load"),
    ("label_rules", {"fn": "without_keywords"}, "functions", "which it does not take"),
    ("label_rules", {"params": "NotFrozen"}, "parameters", "is not frozen"),
    ("label_rules", {"params": "Plain"}, "parameters", "must be an attrs class"),
    ("label_rules", {"fn": "alone_float"}, "shape and dtype", "must give uint8 (22, 25, 27), got float64"),
    ("label_rules", {"fn": "alone_new_ids"}, "ids", r"gives the ids [99]"),
    ("label_rules", {"fn": "alone_in_place"}, "input unchanged", "work on labels.copy()"),
    ("label_rules", {"fn": "eroded"}, "idempotent", "changes its own result"),
    ("label_rules", {"halo": None}, "by blocks as on the whole", "state a halo"),
    ("preprocessors", {"halo": "half_a_voxel"}, "halo is voxels", "three whole numbers"),
    ("preprocessors", {"fn": "dark_float"}, "shape and dtype", "must give uint8"),
    ("preprocessors", {"fn": "divided", "dtype_out": "float32"}, "finite", "NaN or infinite of"),
    ("preprocessors", {"fn": "dark_in_place"}, "input unchanged", "work on raw.copy()"),
    ("preprocessors", {"fn": "dark_in_place_of_floats"}, "input unchanged", "work on raw.copy()"),
    (
        "preprocessors",
        {"fn": "inverted_as_stored", "halo": None},
        "shape and dtype",
        "must give uint8 (22, 25, 27), got float32",
    ),
    ("preprocessors", {"fn": "dark_as_stored"}, "of every type the same", "(uint16 voxels of"),
    ("preprocessors", {"fn": "dark_of_0_to_255", "halo": None}, "by blocks as on the whole", "state the halo"),
    ("preprocessors", {"fn": "from_its_own_darkest"}, "by blocks as on the whole", "statistics"),
    ("exclusion_zones", {"halo": "half_a_voxel"}, "halo is voxels", "three whole numbers"),
    ("exclusion_zones", {"fn": "rim_as_numbers"}, "a bool mask", "must give bool"),
    ("exclusion_zones", {"halo": None}, "by blocks as on the whole", "state the halo"),
    ("readers", {"accepts": "accepts_all"}, "leaves what is not its own", "return False"),
    ("readers", {"accepts": "accepts_none"}, "is the only one that accepts its sample", "does not accept"),
    ("readers", {"open": "open_shifted"}, "any part as the whole", "not that part of the whole"),
    ("readers", {"open": "open_twice_as_large"}, "voxels, size and place", "voxel size of (10.0, 10.0, 10.0) nm"),
    ("readers", {"open": "open_counting"}, "the same twice", "digest"),
    ("readers", {"open": "open_eager"}, "reads what is asked for", "opening it reads"),
    ("readers", {"open": "open_never_closed"}, "closes its files", "stays open"),
    ("analyses", {"params": "Clashing"}, "options", "called like threshold"),
    ("analyses", {"fn": "sizes_as_a_dictionary"}, "several objects", "must return an xarray.Dataset, got dict"),
    ("analyses", {"fn": "sizes_need_one"}, "no object", "ValueError"),
    ("analyses", {"fn": "sizes_need_two"}, "one object", "ZeroDivisionError"),
    ("analyses", {"fn": "sizes_of_whole_ones"}, "objects that the faces cut", "IndexError"),
    ("analyses", {"fn": "sizes_by_blocks"}, "blocks do not matter", "length_nm depends on the blocks"),
    ("analyses", {"fn": "sizes_in_voxels"}, "voxels twice as large: volumes eight times", "volume_nm3 is 1 times"),
    ("analyses", {"fn": "sizes_of_cubes"}, "axes do not matter", "volume_nm3 is another one"),
    ("analyses", {"fn": "sizes_with_axes_swapped"}, "axes do not matter", "length_nm is another one"),
    ("analyses", {"fn": "sizes_without_unit", "outputs": UNITLESS}, "units in names", "let its name end in nm"),
    ("analyses", {"report": "page_of_something_else"}, "its page", "diameter_nm"),
    ("runtimes", {"probe": "probe_nothing"}, "says what it can", "got NoneType"),
    ("runtimes", {"open": "open_off"}, "numbers", "off by 0.1"),
    ("runtimes", {"open": "open_any_shape"}, "refuses another shape", "raise ModelError"),
]


def path(name: Any) -> Any:
    return f"{HERE}:{name}" if (isinstance(name, str) and hasattr(toys, name)) or name == "missing" else name


def sample(folder: Path) -> Sample:
    place, voxels = toys.write_toy(folder)
    return Sample(uri=str(place), voxels=voxels, voxel_size_nm=(5.0, 5.0, 5.0))


def made(hook: str, **wrong: Any) -> tuple[Any, Registry]:
    kind, values = GOOD[hook]
    spec = kind(name="toy", **{name: path(value) for name, value in {**values, **wrong}.items()})
    return spec, registry_of(toy=plugin(**{f"asem_register_{hook}": lambda: [spec]}))


def checks(hook: str, *, of: Callable[[Path], Sample] = sample, **wrong: Any) -> Iterator[Check]:
    spec, registry = made(hook, **wrong)
    return checks_of_spec("toy", spec, registry=registry, samples={"toy": of})


def failed(found: Iterable[Check]) -> dict[str, Finding]:
    findings = {check.name: check.perform() for check in found}
    return {name: finding for name, finding in findings.items() if finding.problems}


@pytest.fixture(autouse=True)
def files_of_toys() -> Iterator[None]:
    yield
    while toys.KEPT:
        toys.KEPT.pop().close()


@pytest.mark.parametrize("hook", GOOD)
def test_a_good_one_passes(hook: str) -> None:
    findings = [check.perform() for check in checks(hook)]
    assert [str(finding) for finding in findings if finding.state != "passed"] == []
    assert len(findings) >= 4


def test_a_stage_that_judges_a_voxel_by_its_value_alone_passes() -> None:
    findings = [check.perform() for check in checks("preprocessors", fn="inverted", halo=None)]
    assert [str(finding) for finding in findings if finding.problems] == []


@pytest.mark.parametrize(("hook", "wrong", "name", "says"), WRONG, ids=[f"{h}: {n}, {w}" for h, w, n, _ in WRONG])
def test_a_wrong_one_fails_there_and_nowhere_else(hook: str, wrong: dict[str, Any], name: str, says: str) -> None:
    found = failed(checks(hook, **wrong))
    assert list(found) == [name]
    (problem, *_) = found[name].problems
    assert says in problem
    assert "\n" not in problem


def test_every_check_has_a_toy_that_fails_it() -> None:
    names = {(hook, check.name) for hook in GOOD for check in checks(hook)}
    shared = {"functions", "parameters"}
    assert {(hook, name) for hook, _, name, _ in WRONG} >= {pair for pair in names if pair[1] not in shared}
    assert {name for _, _, name, _ in WRONG} >= shared


def test_a_runtime_that_is_not_installed_is_not_run() -> None:
    states = {check.name: check.perform().state for check in checks("runtimes", probe="not_installed")}
    assert states == {
        "functions": "passed", "says what it can": "passed", "numbers": "skipped", "refuses another shape": "skipped",
    }  # fmt: skip


def test_a_reader_without_a_sample_says_how_to_give_one() -> None:
    spec, registry = made("readers")
    found = [check.perform() for check in checks_of_spec("reader", spec, registry=registry)]
    assert "asem plugins check --volume URI" in str(found[-1].skipped)


def test_a_broken_plugin_fails_with_all_that_is_wrong() -> None:
    registry = registry_of(bad=plugin("mito", asem_register_readers=lambda: "abc", asem_register_analyses=lambda: [1]))
    first = next(iter(plugin_checks("bad", registry=registry))).perform()
    assert first.problems == (
        "asem_register_readers: TypeError: expected a list of ReaderSpec, got str: return [ReaderSpec(...), ...]",
        "asem_register_analyses: TypeError: expected AnalysisSpec, got int",
    )


def test_files_that_state_no_voxel_size_are_opened_with_one() -> None:
    def unstated(folder: Path) -> Sample:
        return attrs.evolve(sample(folder), voxel_size_nm=None)

    findings = [check.perform() for check in checks("readers", of=unstated, open="open_sizeless")]
    assert [str(finding) for finding in findings if finding.state != "passed"] == []
    assert "does not state its voxel size" in str(failed(checks("readers", open="open_sizeless")))


def test_what_is_read_of_a_file_is_counted_for_an_address_inside_of_it() -> None:
    def inside(folder: Path) -> Sample:
        return attrs.evolve(sample(folder), uri=f"{sample(folder).uri}/voxels")

    assert list(failed(checks("readers", of=inside, accepts="accepts_inside", open="open_eager_inside"))) == [
        "reads what is asked for"
    ]
