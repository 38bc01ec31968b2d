"""The models of this machine, and the one that is meant: by id, ``ID@VERSION``, folder or zip; or an organelle's.

A word without slashes that neither begins with a dot nor ends in ``.zip`` is an id, whatever lies in the working
folder.
"""

from __future__ import annotations

import importlib
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from asem_core.errors import ModelError
from asem_core.registry import Registry
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.volume.address import is_remote
from asem_core.zoo.files import ONNX_NAME, RDF_NAME
from asem_core.zoo.guard.onnx_file import load_onnx
from asem_core.zoo.guard.unpack import unpack_safely
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.site.pull import fetched
from asem_core.zoo.store import stored_models

EARLIER = "earlier"
"""Folder of versions that newer ones have replaced, beside the packages of a plugin."""


@attrs.frozen(kw_only=True)
class Listed:
    """A model, and where it comes from."""

    organelle: str
    spec: ModelSpec
    distribution: str | None
    """What brings it; None: it was pulled or imported."""

    @property
    def folder(self) -> Path:
        """Folder of its package."""
        return package_folder(self.spec)

    @property
    def weights(self) -> int | None:
        """Numbers in its network; None where the package has no graph that can be read."""
        try:
            graph = load_onnx(self.folder / ONNX_NAME).graph
        except ModelError:
            return None
        return sum(int(math.prod(tensor.dims)) for tensor in graph.initializer)

    @property
    def bytes(self) -> int:
        """Of all files of the package."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def all_models(registry: Registry) -> tuple[Listed, ...]:
    """Every model: plugins' by organelle, then the stored ones by id."""
    brought = [
        Listed(organelle=name, spec=spec, distribution=registry.organelles.plugin_of(name).distribution)
        for name, organelle in registry.organelles.entries.items()
        for spec in organelle.spec.models
    ]
    stored = [Listed(organelle=name, spec=spec, distribution=None) for name, spec in stored_models()]
    return (*brought, *stored)


def model_named(name: str, *, registry: Registry) -> Listed:
    """The model ``name``: its id, or ``ID@VERSION`` where it must be that one.

    Raises
    ------
    ModelError
        There is none, or in another version, or there are different ones; the message lists those there are.
    """
    model_id, _, version = name.partition("@")
    found = all_models(registry)
    same = [listed for listed in found if listed.spec.id == model_id]
    meant = [listed for listed in same if version in ("", listed.spec.version)]
    if meant:
        _check_alike(name, [listed.spec for listed in meant])
        return meant[0]
    for listed in same:
        if (earlier := earlier_version(listed.spec, version)) is not None:
            return attrs.evolve(listed, spec=earlier)
    if same:
        there = ", ".join(listed.spec.version for listed in same)
        raise ModelError(f"no version {version} of the model {model_id!r} is installed, but {there}")
    there = ", ".join(listed.spec.id for listed in found) or "none"
    broken = "".join(f"; the plugin {p.name!r} is {p.state}" for p in registry.organelles.broken)
    raise ModelError(f"no model {model_id!r}; installed models: {there}{broken}{folder_hint(name)}")


def folder_hint(name: str) -> str:
    """How the package in a folder of the name ``name`` is meant, where there is one here; else nothing."""
    return f"; for the package in the folder {name} here, give ./{name}" if (Path(name) / RDF_NAME).is_file() else ""


def is_path(model: str | Path) -> bool:
    """Whether ``model`` is meant as a path or an address, not as an id.

    >>> [is_path(model) for model in ("mito-10nm", "./mito", ".", "mito.zip", Path("mito"))]
    [False, True, True, True, True]
    """
    return isinstance(model, Path) or "/" in model or os.sep in model or model.startswith(".") or model.endswith(".zip")


@contextmanager
def package_of(name: str | Path, *, registry: Registry) -> Iterator[Path]:
    """The folder of the package ``name``: a model (``model_named``), a folder, or a zip, which is unpacked for as long.

    A folder or zip is given as a path (`is_path`). That of a zoo, ``http://.../models/ID``
    (`asem_core.zoo.site.pull.fetched`), is fetched first.

    Raises
    ------
    ModelError
        There is no such thing, or the zip is unsafe.
    """
    if not is_path(name):
        yield model_named(str(name), registry=registry).folder
        return
    path = fetched(str(name)) if is_remote(str(name)) else Path(name)
    if path.is_dir():
        yield path.absolute()
    elif path.is_file():
        with tempfile.TemporaryDirectory() as scratch:
            unpack_safely(path, Path(scratch) / "package")
            yield Path(scratch) / "package"
    else:
        raise ModelError(f"{name}: there is no such folder or zip")


def choose_model(organelle: OrganelleSpec, model_id: str | None) -> ModelSpec:
    """The model ``model_id`` of ``organelle``, an id or ``ID@VERSION``, or its default: of its plugin, or of the store.

    Raises
    ------
    ModelError
        No such model (the message lists those there are), the organelle has none, or there are different models of that
        id.
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
    name, _, version = wanted.partition("@")
    same = [model for model in models if model.id == name]
    found = [model for model in same if version in ("", model.version)]
    if not found:
        for model in same:
            if (earlier := earlier_version(model, version)) is not None:
                return earlier
        there = ", ".join(f"{model.id}@{model.version}" if version else model.id for model in models) or "none"
        raise ModelError(
            f"unknown model {wanted!r} for organelle {organelle.name!r}; there are: {there}{folder_hint(wanted)}"
        )
    _check_alike(wanted, found)
    return found[0]


def _check_alike(wanted: str, found: Sequence[ModelSpec]) -> None:
    """Refuse to choose between models that are both meant by ``wanted``."""
    if len({model.sha256 for model in found}) > 1:
        places = " and ".join(f"{model.version} in {model.package}" for model in found)
        raise ModelError(
            f"there are different models {wanted!r}, {places}: delete the folder of one, or uninstall its plugin"
        )


def earlier_version(spec: ModelSpec, version: str) -> ModelSpec | None:
    """``version`` of the model ``spec``, where what brings the model keeps it: in ``earlier/ID@VERSION/`` beside the
    model's own folder. It is not listed; who measured with it, or fine-tuned from it, names it."""
    folder = package_folder(spec).parent / EARLIER / f"{spec.id}@{version}"
    return read_manifest(folder) if folder.is_dir() else None


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


def score_text(spec: ModelSpec) -> str:
    """F1 of ``spec`` in words."""
    if "f1_with_zone" not in spec.scores:
        return "not scored here"
    text = f"{spec.scores['f1_with_zone']:.3f}"
    if "f1_without_zone" in spec.scores:
        text += f" outside the exclusion zone, {spec.scores['f1_without_zone']:.3f} on all voxels"
    return text
