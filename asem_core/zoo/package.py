"""Which model of an organelle, and where its package lies."""

from __future__ import annotations

import importlib
from pathlib import Path

from asem_core.errors import ModelError
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.zoo.store import model_store, stored_models


def choose_model(organelle: OrganelleSpec, model_id: str | None) -> ModelSpec:
    """The model ``model_id`` of ``organelle``, or its default: of its plugin, or pulled or imported into the store.

    Raises
    ------
    ModelError
        No such model (the message lists those there are), the organelle has none, or plugin and store have two
        different models of that id.
    """
    stored = tuple(model for name, model in stored_models() if name == organelle.name)
    models = organelle.models + stored
    wanted = model_id or organelle.default_model
    if wanted is None:
        others = f"; pulled or imported, for --model: {', '.join(m.id for m in stored)}" if stored else ""
        raise ModelError(
            f"the organelle {organelle.name!r} has no default model: train one on your labels with `asem train RECIPE` "
            f"(docs/train.md), or get one with `asem zoo pull` or `asem zoo import` (docs/zoo.md){others}"
        )
    found = [model for model in models if model.id == wanted]
    if not found:
        there = ", ".join(model.id for model in models) or "none"
        raise ModelError(f"unknown model {wanted!r} for organelle {organelle.name!r}; there are: {there}")
    if len({model.sha256 for model in found}) > 1:
        raise ModelError(
            f"the plugin of {organelle.name!r} and {model_store()} have different models {wanted!r}: "
            f"delete {found[-1].package} or uninstall the plugin"
        )
    return found[0]


def package_folder(spec: ModelSpec) -> Path:
    """Folder of the package of ``spec``, inside its plugin or wherever an absolute path points.

    Raises
    ------
    ModelError
        The import package or the folder is missing.
    """
    path = Path(spec.package)
    if not path.is_absolute():
        module_name, _, folder = spec.package.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise ModelError(f"model {spec.id!r}: cannot import its package {module_name}: {error}") from error
        path = Path(str(module.__file__)).parent / folder
    if not (path / "rdf.yaml").is_file():
        raise ModelError(f"model {spec.id!r}: no bioimage.io package in {path} (rdf.yaml is missing); install it again")
    return path
