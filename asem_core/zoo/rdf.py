"""The description of a package, ``rdf.yaml``: read as plain data, with care; the files and the organelle it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from asem_core.errors import ModelError

RDF_NAMES = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
"""Names of a description, the usual one first (bioimage.io)."""
_MOST_BYTES = 4 * 2**20
_MOST_NODES = 100_000
"""Of a description whose aliases are followed: a few lines of YAML can stand for billions."""
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
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ModelError(f"{path} takes {path.stat().st_size / 1e6:.0f} MB, expected some KB of YAML")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.constructor.ConstructorError as error:
        raise ModelError(f"{path}: {error.problem}: a description is plain YAML without tags") from None
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as error:
        raise ModelError(f"{path} is not YAML ({' '.join(str(error).split())[:200]}): get the package again") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not isinstance(values, dict) or values.get("type") != "model":
        raise ModelError(f"{path} does not describe a model (type: model is missing): give a bioimage.io model")
    if sum(1 for _ in _nodes(values, most=_MOST_NODES)) >= _MOST_NODES:
        raise ModelError(f"{path} stands for more than {_MOST_NODES} values: get it from a source that you trust")
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
        for place, node in _nodes({part: values.get(part)}, most=_MOST_NODES):
            if isinstance(node, dict):
                found += list(_of_mapping(place, node))
            elif isinstance(node, str) and _is_list_of_files(place):
                found.append(NamedFile(place, node, None))
    return found


def _nodes(value: Any, *, most: int) -> Iterator[tuple[str, Any]]:
    """At most ``most`` of the values in ``value``, aliases followed, with their places."""
    waiting: list[tuple[str, Any]] = [("", value)]
    for _ in range(most):
        if not waiting:
            return
        place, node = waiting.pop()
        yield place, node
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        waiting.extend(reversed([(f"{place}.{key}".lstrip("."), item) for key, item in items]))


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
