"""What fine-tuning begins from: a model, or what it becomes when it is adapted to the volume without labels."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import attrs

from asem_core.errors import AsemError, RecipeError
from asem_core.models.find import choose_organelle, find_model
from asem_core.predict.adapt import WEIGHT, adapted_model, measure_on
from asem_core.progress import Progress
from asem_core.registry import Registry
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.training.start import network_of, network_of_graph
from asem_core.training.unet import UNet
from asem_core.volume import Volume
from asem_core.volume.address import absolute
from asem_core.volume.grey import Grey
from asem_core.zoo.find import is_path, model_named, package_of
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.write.adapted import write_adapted

log = logging.getLogger(__name__)

WEIGHTS = (WEIGHT, 1.0)
"""With which a model is adapted before it is trained: labels will tell which is better."""


@attrs.frozen(kw_only=True)
class Parent:
    """The model that fine-tuning begins from."""

    name: str
    """As training is told: an id, or a path."""
    spec: ModelSpec
    network: UNet


@attrs.frozen(kw_only=True, eq=False)
class AdaptedParent:
    """The same, adapted."""

    network: UNet
    write: Callable[[Path], ModelSpec]
    """Make its package in a folder that does not exist."""


def find_parent(organelle: OrganelleSpec, model: str | Path | None, registry: Registry) -> Parent:
    """The model to begin from: ``model``, an id or a path, else the default of ``organelle``.

    Raises
    ------
    RecipeError
        The organelle has none of its own, and no other is named; or it is not one that training can start from.
    """
    wanted = organelle.default_model if model is None else str(model)
    if wanted is None:
        raise RecipeError(
            f"{organelle.name} has no model to begin from: name one of another organelle that looks alike (--model ID, "
            "see `asem zoo list`), or train from nothing (asem train, docs/train.md)"
        )
    if is_path(wanted):
        name = absolute(wanted)
        with package_of(name, registry=registry) as folder:
            spec = read_manifest(folder)
    else:
        spec = model_named(wanted, registry=registry).spec
        name = f"{spec.id}@{spec.version}"
    return Parent(name=name, spec=spec, network=network_of(name, registry).eval())


@contextmanager
def adapted_to(
    volume: Volume, parent: Parent, *, grey: Grey, registry: Registry, progress: Progress
) -> Iterator[list[AdaptedParent]]:
    """``parent`` adapted to ``volume`` with each of `WEIGHTS`; none where it knows the tissue, or cannot be adapted.

    They can be written for as long as the block runs. See `asem_core.predict.adapt`.
    """
    found = []
    with (
        package_of(parent.name, registry=registry) as folder,
        tempfile.TemporaryDirectory() as scratch,
        ExitStack() as opened,
    ):
        try:
            finds = choose_organelle(None, model=folder, registry=registry)
            model = opened.enter_context(find_model(folder, organelle=finds, registry=registry))
            for weight in WEIGHTS:
                adaptation = measure_on(volume, model, weight=weight, grey=grey, progress=progress)
                if not adaptation.strength:
                    break
                place = Path(scratch, f"{weight:g}")
                place.mkdir()
                adapted = adapted_model(model, adaptation, place)
                write = partial(
                    write_adapted,
                    parent=folder,
                    onnx=adapted.onnx,
                    model_id=_adapted_id(parent),
                    volume=volume.uri,
                    told=str(adaptation),
                    adapted=adapted.adapted or {},
                )
                found.append(AdaptedParent(network=network_of_graph(adapted.onnx).eval(), write=write))
        except AsemError as error:
            log.info("%s is trained as it is, not adapted first: %s", parent.name, error)
        yield found


def is_adapted(folder: Path, parent: Parent) -> bool:
    """Whether the package in ``folder`` is ``parent`` adapted."""
    return read_manifest(folder).id == _adapted_id(parent)


def _adapted_id(parent: Parent) -> str:
    return f"{parent.spec.id}-adapted"
