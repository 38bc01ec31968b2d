"""What a packaged model must be: sound, described alike three times, and the same on every runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import AXES, Box
from asem_core.models.own import OwnModel, open_own
from asem_core.processors import cores
from asem_core.quantisation.trial import MOST_LOST
from asem_core.registry import Registry, resolve
from asem_core.specs import Capabilities, ModelSpec
from asem_core.testing.check import Check, NotChecked, after, in_turn
from asem_core.zoo.files import TEST_INPUT_NAME, TEST_OUTPUT_NAME
from asem_core.zoo.find import package_folder
from asem_core.zoo.manifest import check_files, read_manifest
from asem_core.zoo.rdf import organelle_of, read_description
from asem_core.zoo.validate import bioimageio_test, problems

_MOST_OFF = 1e-2
"""Of a probability, between the test output and a runtime in float32."""


def model_checks(spec: ModelSpec, *, organelle: str, registry: Registry) -> Iterator[Check]:
    """The checks of a model that a plugin brings; torch is not needed.

    Parameters
    ----------
    organelle
        That it finds, by the plugin.
    registry
        For its stages and the runtimes.
    """
    of = partial(Check, subject=f"model {spec.id!r}")
    whole = {"sha256": partial(_files, spec), "asem zoo validate": partial(_validates, spec)}
    sound = list(in_turn(of(name=name, find=find) for name, find in whole.items()))
    yield from sound
    yield after(sound, of(name="spec, model.json and rdf.yaml agree", find=partial(_agree, spec, organelle)))
    if spec.int8_sha256 is not None:
        yield after(sound, of(name="8-bit integers cost little", find=partial(_int8, spec)))
    ran: dict[str, Callable[[], Iterator[str]]] = {"bioimage.io's test": partial(_tests, spec)}
    ran |= {f"runs on {runtime}": partial(_runs, spec, runtime, registry) for runtime in registry.runtimes}
    yield from (after(sound, each) for each in in_turn(of(name=name, find=find) for name, find in ran.items()))


def _files(spec: ModelSpec) -> Iterator[str]:
    check_files(package_folder(spec))
    yield from ()


def _validates(spec: ModelSpec) -> Iterator[str]:
    yield from problems(package_folder(spec))


def _tests(spec: ModelSpec) -> Iterator[str]:
    report = bioimageio_test(package_folder(spec))
    if not report.passed:
        yield "; ".join(report.problems) or "the weights do not reproduce the test output: write the package again"


def _agree(spec: ModelSpec, organelle: str) -> Iterator[str]:
    folder = package_folder(spec)
    manifest = attrs.evolve(read_manifest(folder), package=spec.package)
    for field in attrs.fields(ModelSpec):
        ours, stated = getattr(spec, field.name), getattr(manifest, field.name)
        if ours != stated:
            yield f"{field.name} is {ours!r} in the plugin, {stated!r} in model.json: use packaged_models"
    described = read_description(folder)
    for name in ("id", "version"):
        if (in_rdf := str(described.get(name))) != (in_plugin := getattr(spec, name)):
            yield f"{name} is {in_plugin!r} in the plugin, {in_rdf!r} in rdf.yaml"
    # Of an SPDX identifier the plugin may say more.
    if (licence := str(described.get("license", ""))) not in spec.licence:
        yield f"licence is {spec.licence!r} in the plugin, {licence!r} in rdf.yaml"
    scales = {axis.get("id"): axis.get("scale") for axis in described["inputs"][0]["axes"]}
    size = tuple(float(scales.get(axis) or 0) for axis in AXES)
    if size != spec.voxel_size_nm:
        yield f"voxels are {spec.voxel_size_nm} nm in the plugin, {size} in rdf.yaml"
    if (found := organelle_of(folder)) != organelle:
        yield f"rdf.yaml says that it finds {found!r}, the plugin that it is of {organelle!r}"


def _runs(spec: ModelSpec, runtime: str, registry: Registry) -> Iterator[str]:
    can = resolve(registry.runtimes[runtime].probe)()
    if not isinstance(can, Capabilities):
        raise NotChecked(str(can))
    precision = next((p.name for p in can.precisions if p.name == "f32"), None)
    if precision is None:
        raise NotChecked("it does not calculate in f32")
    model = open_own(spec, registry=registry)
    given, expected = _test_tensors(model, package_folder(spec))
    session = resolve(registry.runtimes[runtime].open)(
        model.onnx, shape=given.shape, precision=precision, threads=cores()
    )
    off = float(np.abs(session.run(given) - expected).max())
    if off > _MOST_OFF:
        yield f"a probability is off by {off:.2g} from the test output: write the package again with `asem zoo package`"


def _test_tensors(model: OwnModel, folder: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What the graph is given for the test input, and the test output."""
    image: npt.NDArray[Any] = np.load(folder / TEST_INPUT_NAME)[0, 0].astype(np.float32)
    for step in model.inside:
        image = step.apply(image, box=Box.of_shape(image.shape), voxel_size=model.voxel_size, stats={})
    return image[None, None].astype(np.float32), np.load(folder / TEST_OUTPUT_NAME)


def _int8(spec: ModelSpec) -> Iterator[str]:
    asem = (read_description(package_folder(spec)).get("config") or {}).get("asem", {})
    try:
        lost = float(asem["precisions"]["lost"])
    except (KeyError, TypeError, ValueError):
        yield "rdf.yaml does not say what 8-bit integers cost: make them with `asem zoo quantise`"
        return
    if lost > MOST_LOST:
        yield f"F1 falls by {lost:.4f}, more than the {MOST_LOST} that are allowed: leave weights_int8.onnx out"
