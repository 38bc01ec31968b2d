"""The installed models, as several verbs look them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asem_core.errors import ModelError

if TYPE_CHECKING:
    from asem_core.registry import Registry
    from asem_core.specs import ModelSpec, OrganelleSpec


def models(registry: Registry) -> list[tuple[OrganelleSpec, ModelSpec]]:
    """Every model with its organelle."""
    return [(organelle, model) for organelle in registry.organelles.values() for model in organelle.models]


def model_named(registry: Registry, model_id: str) -> ModelSpec:
    """The model ``model_id``.

    Raises
    ------
    ModelError
        There is none; the message lists those there are.
    """
    found = models(registry)
    for _, model in found:
        if model.id == model_id:
            return model
    there = ", ".join(model.id for _, model in found) or "none"
    broken = "".join(f"; the plugin {p.name!r} is broken: {p.error}" for p in registry.organelles.broken)
    raise ModelError(f"no model {model_id!r} and no such folder; installed models: {there}{broken}")
