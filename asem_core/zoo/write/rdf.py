"""``rdf.yaml``: the description of a package in bioimage.io's terms, readable by its older tools too."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import attrs
import yaml

from asem_core.errors import ModelError
from asem_core.network import LEAST_SIDE, POOLING, TILE_HALO
from asem_core.specs import TrainedGrey
from asem_core.zoo.files import (
    ARCHITECTURE_NAME,
    COVER_NAME,
    ONNX_NAME,
    RDF_NAME,
    README_NAME,
    STATE_DICT_NAME,
    TEST_INPUT_NAME,
    TEST_OUTPUT_NAME,
    file_sha256,
)
from asem_core.zoo.write.card import Card, Facts, ScoreSet
from asem_core.zoo.write.origin import in_words
from asem_core.zoo.write.stages import preprocessing, split_told

READABLE_FORMAT = "0.5.4"
"""bioimageio.core 0.8 to 0.11 read this; what is written with the newest spec library is brought down to it."""
_OPSET = 17


def write_description(card: Card, facts: Facts, folder: Path, *, attachments: tuple[str, ...]) -> Path:
    """Write ``rdf.yaml`` for the files that already lie in ``folder``.

    Raises
    ------
    ModelError
        bioimage.io's own validation refuses the description; the message holds its reasons.
    """
    from bioimageio.spec import ValidationContext, dump_description
    from bioimageio.spec.model.v0_5 import ModelDescr
    from pydantic import ValidationError

    with ValidationContext(root=folder, perform_io_checks=True), warnings.catch_warnings():
        # bioimageio.spec leaves the files that it hashes to the garbage collector.
        warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
        try:
            description = ModelDescr(**_values(card, facts, folder, attachments))
        except ValidationError as error:
            reasons = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ModelError(f"bioimage.io refuses the description of {facts.id!r}: {reasons}") from None
        written = dump_description(description, exclude_unset=True)
    path = folder / RDF_NAME
    path.write_text(yaml.safe_dump(for_older_readers(written), sort_keys=False, allow_unicode=True))
    return path


def for_older_readers(description: Any) -> Any:
    """The description as format 0.5.4: covers and documentation as plain strings, no ``pad``, no explicit nulls."""
    values = _without_nulls(description)
    values["format_version"] = READABLE_FORMAT
    values["covers"] = [_source(cover) for cover in values.get("covers", [])]
    if "documentation" in values:
        values["documentation"] = _source(values["documentation"])
    return values


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None and key != "pad"}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(item) for item in value]
    return value


def _source(file: Any) -> str:
    return str(file["source"] if isinstance(file, dict) else file)


def _values(card: Card, facts: Facts, folder: Path, attachments: tuple[str, ...]) -> dict[str, Any]:
    def file(name: str) -> dict[str, Any]:
        return {"source": name, "sha256": file_sha256(folder / name)}

    values: dict[str, Any] = {
        "name": card.title,
        "id": facts.id,
        "version": facts.version,
        "description": card.description,
        "authors": [{"name": author} for author in card.authors],
        "cite": [{"text": c.text, **({"doi": c.doi} if c.doi else {"url": c.url})} for c in card.citation],
        "tags": list(card.tags),
        "timestamp": f"{facts.date}T00:00:00Z",
        "documentation": file(README_NAME),
        "covers": [file(COVER_NAME)],
        "attachments": [file(name) for name in attachments],
        "inputs": [_input(facts, file(TEST_INPUT_NAME))],
        "outputs": [_output(facts, file(TEST_OUTPUT_NAME))],
        "weights": {
            "pytorch_state_dict": {
                **file(STATE_DICT_NAME),
                "architecture": {
                    **file(ARCHITECTURE_NAME), "callable": "PackageNet", "kwargs": {"base": facts.base},
                },
                "pytorch_version": facts.torch_version.split("+")[0],
            },
            "onnx": {**file(ONNX_NAME), "parent": "pytorch_state_dict", "opset_version": _OPSET},
        },
        "config": {"asem": _provenance(facts)},
    }  # fmt: skip
    if card.licence_spdx:
        values["license"] = card.licence_spdx
    return values


def _input(facts: Facts, test: dict[str, Any]) -> dict[str, Any]:
    untold, told = split_told(facts.stages)
    space = [
        {"type": "space", "id": axis, "size": {"min": LEAST_SIDE, "step": POOLING}, "unit": "nanometer", "scale": scale}
        for axis, scale in zip("zyx", facts.voxel_size_nm, strict=True)
    ]
    return {
        "id": "raw",
        "description": "grey values 0..255" + (f" after {in_words(untold)}" if untold else ""),
        "axes": [{"type": "batch"}, {"type": "channel", "channel_names": ["raw"]}, *space],
        "test_tensor": test,
        # Declared uint8, bioimageio.core would cast the probabilities back to uint8.
        "data": {"type": "float32", "range": [0.0, 255.0]},
        "preprocessing": preprocessing(told),
    }


def _output(facts: Facts, test: dict[str, Any]) -> dict[str, Any]:
    space = [
        {
            "type": "space", "id": axis, "size": {"tensor_id": "raw", "axis_id": axis, "offset": 0},
            "halo": TILE_HALO, "unit": "nanometer", "scale": scale,
        }
        for axis, scale in zip("zyx", facts.voxel_size_nm, strict=True)
    ]  # fmt: skip
    return {
        "id": "probability",
        "description": f"probability of {facts.organelle}",
        "axes": [{"type": "batch"}, {"type": "channel", "channel_names": [facts.organelle]}, *space],
        "test_tensor": test,
        "data": {"type": "float32", "range": [0.0, 1.0]},
    }


def _provenance(facts: Facts) -> dict[str, Any]:
    return {
        "organelle": facts.organelle,
        "core_version": facts.core_version,
        "torch_version": facts.torch_version,
        "parameters": facts.parameters,
        **facts.origin.values(),
        **({} if facts.grey is None else {"grey": _listed(facts.grey)}),
        "parity": [attrs.asdict(p) for p in facts.parity],
        "scores": [_score(entry) for entry in facts.scores],
        **({"compared": [_score(entry) for entry in facts.compared]} if facts.compared else {}),
    }


def _listed(grey: TrainedGrey) -> dict[str, Any]:
    """Tuples as lists, which YAML has."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in attrs.asdict(grey).items()}


def _score(entry: ScoreSet) -> dict[str, Any]:
    objects = {way: attrs.asdict(score) for way, score in entry.objects.items()}
    voxels = {"with_zone": dict(entry.with_zone), "without_zone": dict(entry.without_zone)}
    return {"name": entry.name, **voxels, **({"objects": objects} if objects else {})}
