"""The description of a package, ``rdf.yaml``: read as plain data, with care; the files and the organelle it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from asem_core.errors import ModelError
from asem_core.plain_yaml import MOST_NODES, nodes, read_mapping

RDF_NAMES = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
"""Names of a description, the usual one first (bioimage.io)."""
_FILES = ("weights", "inputs", "outputs", "test_inputs", "test_outputs", "attachments", "documentation", "covers",
          "sample_inputs", "sample_outputs")  # fmt: skip
"""The parts of a description that name files."""


@attrs.frozen
class NamedFile:
    """A file that a description names."""

    place: str
    """Where in the description, such as ``weights.onnx.source``."""
    name: str
    sha256: str | None


def description_path(folder: Path) -> Path:
    """The description in ``folder``.

    Raises
    ------
    ModelError
        There is none.
    """
    for name in RDF_NAMES:
        if (folder / name).is_file():
            return folder / name
    raise ModelError(f"no bioimage.io package in {folder} (rdf.yaml is missing)")


def read_description(folder: Path) -> dict[str, Any]:
    """The description of the model in ``folder`` as plain values.

    Raises
    ------
    ModelError
        It is missing, no plain YAML (no tags), absurdly large, or describes something else than a model.
    """
    path = description_path(folder)
    values = read_mapping(path, error=ModelError)
    if values.get("type") != "model":
        raise ModelError(f"{path} does not describe a model (type: model is missing): give a bioimage.io model")
    return values


def named_files(values: Mapping[str, Any]) -> list[NamedFile]:
    """The files that the description ``values`` names, in formats 0.4 and 0.5.

    Examples
    --------
    >>> files = named_files({"weights": {"onnx": {"source": "weights.onnx", "sha256": "ab"}}, "covers": ["cover.png"]})
    >>> [(file.place, file.name) for file in files]
    [('weights.onnx.source', 'weights.onnx'), ('covers.0', 'cover.png')]
    """
    found = []
    for part in _FILES:
        for place, node in nodes({part: values.get(part)}, most=MOST_NODES):
            if isinstance(node, dict):
                found += list(_of_mapping(place, node))
            elif isinstance(node, str) and _is_list_of_files(place):
                found.append(NamedFile(place, node, None))
    return found


def _of_mapping(place: str, node: Mapping[str, Any]) -> Iterator[NamedFile]:
    sha256 = node.get("sha256")
    if "source" in node:
        yield NamedFile(f"{place}.source", node["source"], sha256 if isinstance(sha256, str) else None)
    architecture = node.get("architecture")
    if isinstance(architecture, str) and ".py:" in architecture:  # format 0.4: unet.py:UNet
        stated = node.get("architecture_sha256")
        name = architecture.rpartition(":")[0]
        yield NamedFile(f"{place}.architecture", name, stated if isinstance(stated, str) else None)


def _is_list_of_files(place: str) -> bool:
    part, _, rest = place.partition(".")
    if part == "documentation":
        return not rest
    if part == "attachments":  # format 0.4: a mapping with files
        return rest.rpartition(".")[0] in ("", "files")
    return part in ("covers", "test_inputs", "test_outputs", "sample_inputs", "sample_outputs") and rest.isdigit()


def organelle_of(folder: Path) -> str:
    """The organelle that the package in ``folder`` finds, from ``config: asem`` of its ``rdf.yaml``.

    Raises
    ------
    ModelError
        The description cannot be read or does not say.
    """
    try:
        organelle = read_description(folder)["config"]["asem"]["organelle"]
    except (KeyError, TypeError):
        organelle = None
    if not isinstance(organelle, str):
        path = description_path(folder)
        raise ModelError(f"{path} does not name an organelle (config: asem: organelle): no package that ASEM wrote")
    return organelle
