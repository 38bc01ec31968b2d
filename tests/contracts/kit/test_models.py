"""A packaged model passes, and one that is wrong in one thing fails there: copies of a model of this repository."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import yaml

from asem_core.specs import ModelSpec, RuntimeSpec
from asem_core.testing import Check, Finding, model_checks
from asem_core.zoo.files import RDF_NAME, TEST_OUTPUT_NAME, file_sha256
from asem_core.zoo.manifest import read_manifest

from ..toys import plugin, registry_of
from .test_stages import HERE

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    model = root / "plugins/organelles/mito/asem_organelle_mito/models/mito_compact_10nm"
    return Path(shutil.copytree(model, tmp_path / "model"))


def described(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = yaml.safe_load((folder / RDF_NAME).read_text())
    change(values)
    (folder / RDF_NAME).write_text(yaml.safe_dump(values, sort_keys=False))


def checks(folder: Path, *runtimes: RuntimeSpec, **spec: Any) -> list[Check]:
    registry = registry_of(toy=plugin(asem_register_runtimes=lambda: list(runtimes)))
    model: ModelSpec = attrs.evolve(read_manifest(folder), **spec)
    return list(model_checks(model, organelle="mito", registry=registry))


def failed(found: list[Check]) -> dict[str, Finding]:
    findings = {check.name: check.perform() for check in found}
    return {name: finding for name, finding in findings.items() if finding.problems}


def test_a_good_one_passes_with_a_runtime_that_is_wrong(folder: Path) -> None:
    wrong = RuntimeSpec(name="toy", summary="", probe=f"{HERE}:probe", open=f"{HERE}:open_half")
    found = failed(checks(folder, wrong))
    assert list(found) == ["runs on toy"]
    assert "off by 0.5 from the test output" in found["runs on toy"].problems[0]


def damaged(folder: Path) -> None:
    with (folder / "weights.onnx").open("ab") as file:
        file.write(b"0")


def test_weights_that_were_changed(folder: Path) -> None:
    damaged(folder)
    found = failed(checks(folder))
    assert list(found) == ["sha256"]
    assert "the file was changed or damaged" in found["sha256"].problems[0]


def test_weights_that_are_missing(folder: Path) -> None:
    (folder / "weights.onnx").unlink()
    found = failed(checks(folder))
    assert list(found) == ["sha256"]
    assert "weights.onnx is missing: get the package again" in found["sha256"].problems[0]


def test_a_file_that_the_description_names_is_missing(folder: Path) -> None:
    (folder / "README.md").unlink()
    assert list(failed(checks(folder))) == ["asem zoo validate"]


def test_an_output_that_the_weights_do_not_give(folder: Path) -> None:
    path = folder / TEST_OUTPUT_NAME
    np.save(path, 1 - np.load(path))
    described(folder, lambda rdf: rdf["outputs"][0]["test_tensor"].update(sha256=file_sha256(path)))
    assert list(failed(checks(folder))) == ["bioimage.io's test"]


def test_what_contradicts_itself(folder: Path) -> None:
    found = failed(checks(folder, licence="MIT")[:3])
    (problems,) = [finding.problems for finding in found.values()]
    assert list(found) == ["spec, model.json and rdf.yaml agree"]
    assert "licence is 'MIT' in the plugin" in problems[0]
    assert len(problems) == 2


@pytest.mark.parametrize(("lost", "fails"), [(0.001, False), (0.02, True), (None, True)])
def test_eight_bit_integers(folder: Path, lost: float | None, fails: bool) -> None:
    described(folder, lambda rdf: rdf["config"]["asem"].update(precisions={} if lost is None else {"lost": lost}))
    check = checks(folder, int8_sha256=file_sha256(folder / "weights_int8.onnx"))[3]
    assert check.name == "8-bit integers cost little"
    assert bool(check.perform().problems) == fails
