"""``model.json`` inside a package: the values of its `ModelSpec`, so that no plugin copies a sha256 by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from asem_core.errors import ModelError
from asem_core.specs import ModelSpec, model_of
from asem_core.volume.output import Replaceable
from asem_core.zoo.files import INT8_NAME, ONNX_NAME, RDF_NAME, file_sha256
from asem_core.zoo.organelle import carried_organelle
from asem_core.zoo.rdf import named_files, read_description

MANIFEST = "model.json"


def manifest_values(spec: ModelSpec) -> dict[str, Any]:
    """Plain values of ``spec``, without ``package``: where the folder lies is the plugin's business."""
    values = attrs.asdict(spec)
    del values["package"]
    if spec.int8_sha256 is None:
        del values["int8_sha256"]
    return values


def write_manifest(spec: ModelSpec, folder: Path) -> Path:
    """Write ``model.json`` into ``folder``."""
    path = folder / MANIFEST
    path.write_text(json.dumps(manifest_values(spec), indent=2) + "\n")
    return path


def read_manifest(folder: Path) -> ModelSpec:
    """The `ModelSpec` of the package in ``folder``; its ``package`` is the folder's absolute path.

    Raises
    ------
    ModelError
        ``model.json`` is missing or does not hold the values of a `ModelSpec`.
    """
    path = folder / MANIFEST
    try:
        return model_of(json.loads(path.read_text()), package=str(folder.absolute()))
    except FileNotFoundError:
        raise ModelError(f"{path} is missing: this is no package that `asem zoo package` wrote") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} does not describe a model ({error}): write the package again") from None


def check_files(folder: Path) -> ModelSpec:
    """Check the package in ``folder`` against its manifest: what must be there is, all weights are the stated ones, and
    an organelle that it carries is the one that the model finds.

    Raises
    ------
    ModelError
        ``rdf.yaml``, ``model.json`` or an ONNX file is missing, the weights' sha256 is not the stated one, or
        ``organelle.yaml`` is not as `asem_core.zoo.organelle.carried_organelle` wants it.
    """
    if not (folder / "rdf.yaml").is_file():
        raise ModelError(f"no bioimage.io package in {folder} (rdf.yaml is missing)")
    spec = read_manifest(folder)
    stated_onnx(spec, folder)
    stated_int8(spec, folder)
    carried_organelle(folder)
    return spec


def stated_onnx(spec: ModelSpec, folder: Path) -> Path:
    """The ONNX file of the package in ``folder``, which is the one that ``spec`` states.

    Raises
    ------
    ModelError
        It is missing, or its sha256 is another.
    """
    return _stated(folder / ONNX_NAME, spec.sha256, model=spec.id)


def stated_int8(spec: ModelSpec, folder: Path) -> Path | None:
    """The graph in 8-bit integers of the package in ``folder``, the one that ``spec`` states; None: it has none.

    Raises
    ------
    ModelError
        As `stated_onnx`.
    """
    return None if spec.int8_sha256 is None else _stated(folder / INT8_NAME, spec.int8_sha256, model=spec.id)


def _stated(onnx: Path, sha256: str, *, model: str) -> Path:
    if not onnx.is_file():
        raise ModelError(f"model {model!r}: {onnx} is missing: get the package again")
    found = file_sha256(onnx)
    if found != sha256:
        raise ModelError(
            f"model {model!r}: the sha256 of {onnx} is {found}, expected {sha256}; "
            "the file was changed or damaged: get the package again"
        )
    return onnx


def is_only_own(folder: Path) -> bool:
    """Whether ``folder`` is a package that ASEM wrote, unchanged, and nothing else.

    All that may lie in it are the files that its description names, with the sha256 that it states.
    """
    try:
        described = read_description(folder)
        read_manifest(folder)
    except ModelError:
        return False
    stated = {file.name: file.sha256 for file in named_files(described)}
    return (
        "asem" in (described.get("config") or {})
        and _holds_only(folder, stated)
        and all(stated.get(name) in (None, sha256) for name, sha256 in file_digests(folder).items())
    )


def has_only_names(folder: Path, names: Iterable[str]) -> bool:
    """Whether ``folder`` is a package that ASEM wrote, maybe damaged: all in it is called as one of ``names`` is, or as
    a file that its description names."""
    try:
        stated = [file.name for file in named_files(read_description(folder))]
    except ModelError:
        stated = []
    described = (folder / RDF_NAME).is_file() or (folder / MANIFEST).is_file()
    return described and _holds_only(folder, {*names, *stated})


def file_digests(folder: Path) -> dict[str, str]:
    """The sha256 of every file of the package in ``folder`` by its name there, what Python caches left out."""
    return {name: file_sha256(path) for name, path in _entries(folder).items() if path.is_file()}


def _holds_only(folder: Path, names: Iterable[str]) -> bool:
    entries = _entries(folder)
    return entries.keys() <= {RDF_NAME, MANIFEST, *names} and all(
        path.is_file() and not path.is_symlink() for path in entries.values()
    )


def _entries(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not _is_cache(path, folder)}


def _is_cache(path: Path, folder: Path) -> bool:
    """Whether Python made it, as it does where it imports the network's architecture."""
    return "__pycache__" in path.relative_to(folder).parts


PACKAGE = Replaceable(name="a model package", recognise=is_only_own)
"""What a package of ours replaces."""
