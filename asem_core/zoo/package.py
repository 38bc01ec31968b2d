"""A model package on disk: a bioimage.io folder with an ONNX file, opened and checked."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

import attrs

from asem_core.errors import ModelError
from asem_core.specs import ModelSpec, OrganelleSpec

ONNX_NAME = "weights.onnx"


@attrs.frozen(kw_only=True)
class Package:
    """The folder of a model and its ONNX file, checked against the spec."""

    spec: ModelSpec
    folder: Path
    onnx: Path


def choose_model(organelle: OrganelleSpec, model_id: str | None) -> ModelSpec:
    """The model ``model_id`` of ``organelle``, or its default.

    Raises
    ------
    ModelError
        No such model (the message lists those there are), or the organelle has none.
    """
    wanted = model_id or organelle.default_model
    if wanted is None:
        raise ModelError(
            f"the organelle {organelle.name!r} has no trained model: train one on your labels with `asem train RECIPE` "
            "(docs/train.md), or install a plugin that brings one"
        )
    for model in organelle.models:
        if model.id == wanted:
            return model
    there = ", ".join(model.id for model in organelle.models) or "none"
    raise ModelError(f"unknown model {wanted!r} for organelle {organelle.name!r}; there are: {there}")


def package_folder(spec: ModelSpec) -> Path:
    """Folder of the package of ``spec``.

    Raises
    ------
    ModelError
        The import package or the folder is missing.
    """
    module_name, _, folder = spec.package.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ModelError(f"model {spec.id!r}: cannot import its package {module_name}: {error}") from error
    path = Path(str(module.__file__)).parent / folder
    if not (path / "rdf.yaml").is_file():
        raise ModelError(
            f"model {spec.id!r}: no bioimage.io package in {path} (rdf.yaml is missing); reinstall the plugin"
        )
    return path


def open_package(spec: ModelSpec) -> Package:
    """Find the package of ``spec`` and check its weights.

    Raises
    ------
    ModelError
        A file is missing, or the weights' sha256 is not the one that the plugin states.
    """
    folder = package_folder(spec)
    onnx = folder / ONNX_NAME
    if not onnx.is_file():
        raise ModelError(f"model {spec.id!r}: {onnx} is missing; reinstall the plugin")
    found = file_sha256(onnx)
    if found != spec.sha256:
        raise ModelError(
            f"model {spec.id!r}: the sha256 of {onnx} is {found}, expected {spec.sha256}; "
            "the file was changed or damaged: reinstall the plugin"
        )
    return Package(spec=spec, folder=folder, onnx=onnx)


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
