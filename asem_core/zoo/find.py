"""The models of this machine, and the one that is meant: by id, ``ID@VERSION``, folder or zip; or an organelle's."""

from __future__ import annotations

import importlib
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from asem_core.errors import ModelError
from asem_core.registry import Registry
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.volume.address import is_remote
from asem_core.zoo.files import ONNX_NAME, RDF_NAME
from asem_core.zoo.guard.unpack import unpack_safely
from asem_core.zoo.site.pull import fetched
from asem_core.zoo.store import model_store, stored_models


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
        """Numbers in its network; None where the package has no graph of ours."""
        import onnx

        path = self.folder / ONNX_NAME
        if not path.is_file():
            return None
        graph = onnx.load(path, load_external_data=False).graph
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
        There is none, or in another version; the message lists those there are.
    """
    model_id, _, version = name.partition("@")
    found = all_models(registry)
    same = [listed for listed in found if listed.spec.id == model_id]
    for listed in same:
        if version in ("", listed.spec.version):
            return listed
    if same:
        there = ", ".join(listed.spec.version for listed in same)
        raise ModelError(f"no version {version} of the model {model_id!r} is installed, but {there}")
    there = ", ".join(listed.spec.id for listed in found) or "none"
    broken = "".join(f"; the plugin {p.name!r} is {p.state}" for p in registry.organelles.broken)
    hint = folder_hint(name)
    absent = "" if hint else " and no such folder or zip"
    raise ModelError(f"no model {model_id!r}{absent}; installed models: {there}{broken}{hint}")


def folder_hint(name: str) -> str:
    """How the package in a folder of the name ``name`` is meant, where there is one here; else nothing."""
    return f"; for the package in the folder {name} here, give ./{name}" if (Path(name) / RDF_NAME).is_file() else ""


@contextmanager
def package_of(name: str, *, registry: Registry) -> Iterator[Path]:
    """The folder of the package ``name``: a model (``model_named``), a folder, or a zip, which is unpacked for as long.

    That of a zoo, ``http://.../models/ID`` (`asem_core.zoo.site.pull.fetched`), is fetched first.

    Raises
    ------
    ModelError
        There is no such thing, or the zip is unsafe.
    """
    path = fetched(name) if is_remote(name) else Path(name)
    if path.is_dir():
        yield path
    elif path.is_file():
        with tempfile.TemporaryDirectory() as scratch:
            unpack_safely(path, Path(scratch) / "package")
            yield Path(scratch) / "package"
    else:
        yield model_named(name, registry=registry).folder


def choose_model(organelle: OrganelleSpec, model_id: str | None) -> ModelSpec:
    """The model ``model_id`` of ``organelle``, an id or ``ID@VERSION``, or its default: of its plugin, or of the store.

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
    name, _, version = wanted.partition("@")
    found = [model for model in models if model.id == name and version in ("", model.version)]
    if not found:
        there = ", ".join(f"{model.id}@{model.version}" if version else model.id for model in models) or "none"
        raise ModelError(
            f"unknown model {wanted!r} for organelle {organelle.name!r}; there are: {there}{folder_hint(wanted)}"
        )
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


def score_text(spec: ModelSpec) -> str:
    """F1 of ``spec`` in words."""
    if "f1_with_zone" not in spec.scores:
        return "not scored here"
    text = f"{spec.scores['f1_with_zone']:.3f}"
    if "f1_without_zone" in spec.scores:
        text += f" outside the exclusion zone, {spec.scores['f1_without_zone']:.3f} on all voxels"
    return text
