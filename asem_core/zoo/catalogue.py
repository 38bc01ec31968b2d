"""All models of this machine: those that plugins bring, and those that were pulled or imported."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from asem_core.errors import ModelError
from asem_core.registry import Registry
from asem_core.specs import ModelSpec
from asem_core.zoo.package import package_folder
from asem_core.zoo.store import stored_models
from asem_core.zoo.unpack import unpack_safely


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
    def bytes(self) -> int:
        """Of all files of the package."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def all_models(registry: Registry) -> tuple[Listed, ...]:
    """Every model: plugins' by organelle, then the stored ones by id; no weights are read."""
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
    broken = "".join(f"; the plugin {p.name!r} is broken: {p.error}" for p in registry.organelles.broken)
    raise ModelError(f"no model {model_id!r} and no such folder or zip; installed models: {there}{broken}")


@contextmanager
def package_of(name: str, *, registry: Registry) -> Iterator[Path]:
    """The folder of the package ``name``: a model (``model_named``), a folder, or a zip, which is unpacked for as long.

    Raises
    ------
    ModelError
        There is no such thing, or the zip is unsafe.
    """
    path = Path(name)
    if path.is_dir():
        yield path
    elif path.is_file():
        with tempfile.TemporaryDirectory() as scratch:
            unpack_safely(path, Path(scratch) / "package")
            yield Path(scratch) / "package"
    else:
        yield model_named(name, registry=registry).folder


def score_text(spec: ModelSpec) -> str:
    """F1 of ``spec`` in words."""
    if "f1_with_zone" not in spec.scores:
        return "not scored here"
    text = f"{spec.scores['f1_with_zone']:.3f}"
    if "f1_without_zone" in spec.scores:
        text += f" outside the exclusion zone, {spec.scores['f1_without_zone']:.3f} on all voxels"
    return text
