"""A package whose weights were adapted to a volume: its parent's, with another graph and what follows from it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import yaml

from asem_core.specs import ModelSpec
from asem_core.zoo.files import (
    ARCHITECTURE_NAME,
    INT8_NAME,
    MOMENTS_NAME,
    ONNX_NAME,
    RDF_NAME,
    README_NAME,
    STATE_DICT_NAME,
    TEST_INPUT_NAME,
    TEST_OUTPUT_NAME,
    file_sha256,
)
from asem_core.zoo.manifest import read_manifest, write_manifest
from asem_core.zoo.rdf import read_description
from asem_core.zoo.write.parity import run_onnxruntime
from asem_core.zoo.write.quantised import without_section
from asem_core.zoo.write.stages import as_told, left_out

_LEFT_OUT = (STATE_DICT_NAME, ARCHITECTURE_NAME, MOMENTS_NAME, INT8_NAME, "__pycache__")
"""PyTorch weights are not written without torch; moments and int8 weights are not those of the new weights."""


def write_adapted(
    folder: Path, *, parent: Path, onnx: Path, model_id: str, volume: str, told: str, adapted: Mapping[str, Any]
) -> ModelSpec:
    """Write the package of adapted weights into ``folder``, which must not exist.

    Parameters
    ----------
    parent
        Package of ours whose weights were adapted. Card, licence, organelle and the record of the training are taken
        over; scores are not, they are those of other weights.
    onnx
        The adapted graph.
    model_id
        Its name.
    volume
        What it was adapted to.
    told
        How, in a line for the card.
    adapted
        The same as JSON types, for ``rdf.yaml``.

    Returns
    -------
    ModelSpec
        What ``model.json`` holds; its ``package`` is the folder.
    """
    shutil.copytree(parent, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    shutil.copyfile(onnx, folder / ONNX_NAME)
    old = read_manifest(parent)
    stages = old.preprocess[len(left_out(parent)) :]
    scaled = as_told(np.load(folder / TEST_INPUT_NAME)[0, 0], stages)
    np.save(folder / TEST_OUTPUT_NAME, run_onnxruntime(folder / ONNX_NAME, scaled)[None, None])
    note = (
        f"## Adapted\n\nAdapted to {volume} without a label, from `{old.id}` {old.version}: {told}. Nothing below was "
        "measured with these weights.\n\n"
    )
    card = folder / README_NAME
    text = without_section(card.read_text(encoding="utf-8"))
    head, mark, rest = text.partition("## Input and output")
    card.write_text(f"{head}{note}{mark}{rest}".replace(old.sha256, file_sha256(folder / ONNX_NAME)), encoding="utf-8")
    spec = attrs.evolve(
        old, id=model_id, package=str(folder), sha256=file_sha256(folder / ONNX_NAME), int8_sha256=None, scores={},
        trained_on=f"{old.trained_on}; then adapted to {volume} without labels",
    )  # fmt: skip
    write_manifest(spec, folder)
    values = _described(read_description(parent), folder, spec)
    values["config"]["asem"]["adapted"] = {
        "parent": {"id": old.id, "version": old.version, "sha256": old.sha256}, "volume": volume, **adapted,
    }  # fmt: skip
    (folder / RDF_NAME).write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    return spec


def _described(values: dict[str, Any], folder: Path, spec: ModelSpec) -> dict[str, Any]:
    """``rdf.yaml`` of the parent for the files that lie in ``folder``."""
    onnx = {key: value for key, value in values["weights"]["onnx"].items() if key != "parent"}
    values |= {"id": spec.id, "name": f"{values['name']} adapted"[:64], "weights": {"onnx": onnx}}
    values["attachments"] = [file for file in values["attachments"] if file["source"] not in _LEFT_OUT]
    tested = [tensor["test_tensor"] for tensor in (*values["inputs"], *values["outputs"])]
    for file in (onnx, *values["attachments"], *tested):
        file["sha256"] = file_sha256(folder / file["source"])
    for stale in ("scores", "compared", "parity", "precisions"):
        values["config"]["asem"].pop(stale, None)
    return values
