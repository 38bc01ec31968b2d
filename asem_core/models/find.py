"""Which model is meant: an installed one by its id, a package by its path, the organelle's default; what it finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asem_core.errors import AsemError, ModelError
from asem_core.models.model import Model
from asem_core.models.own import open_own
from asem_core.organelles import find_organelle
from asem_core.registry import Registry
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.zoo.files import ONNX_NAME
from asem_core.zoo.find import choose_model, is_path, model_named, package_of
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.guard.onnx_file import check_onnx
from asem_core.zoo.manifest import check_files
from asem_core.zoo.organelle import packaged_organelle
from asem_core.zoo.rdf import organelle_of, read_description


@contextmanager
def find_model(
    model: str | Path | None, *, organelle: OrganelleSpec, registry: Registry, channel: str | None = None
) -> Iterator[Model]:
    """The model that is asked for, checked; that of a zip is unpacked for as long as the block runs.

    Parameters
    ----------
    model
        Id of one of the organelle's models, of its plugin or stored; the folder or zip of a package, of ours or from
        elsewhere, or its address in a zoo; None: the organelle's default. A word is an id, whatever lies in the working
        folder (`asem_core.zoo.find.is_path`).
    organelle
        What it must find. A package from elsewhere does not say.
    registry
        For the stages that it names.
    channel
        Name or number of the output channel, where a package from elsewhere has several.

    Raises
    ------
    ModelError
        There is no such model, it is unsafe, damaged or finds something else, or it cannot run here.
    """
    if model is None or not is_path(model):
        wanted = None if model is None else str(model)
        yield _own(choose_model(organelle, wanted), registry=registry, channel=channel)
        return
    with package_of(model, registry=registry) as folder:
        check_description(folder)
        if is_own(folder):
            yield _own(_checked(folder, organelle.name), registry=registry, channel=channel)
        else:
            from asem_core.models.described import open_described

            yield open_described(folder, channel=channel)


def choose_organelle(
    organelle: OrganelleSpec | str | Path | None, *, model: str | Path | None, registry: Registry
) -> OrganelleSpec:
    """The organelle that is asked for; where none is, the one that ``model`` finds.

    Parameters
    ----------
    organelle
        As in `asem_core.organelles.find_organelle`; its numbers count, whatever a package says.
    model
        As in `find_model`. A model of a plugin finds the plugin's organelle; another package the one that it carries,
        or the installed one of the name that it states.

    Raises
    ------
    AsemError
        Neither says what is to be found, or what is said is not there.
    """
    if organelle is not None:
        return find_organelle(organelle, registry)
    if model is None:
        raise AsemError(
            "which organelle? give --organelle NAME (`asem organelles` lists them), --organelle FILE.yaml "
            "(`asem organelles new`), or --model with a package that says what it finds"
        )
    if not is_path(model):
        listed = model_named(str(model), registry=registry)
        if listed.distribution is not None:
            return registry.organelles[listed.organelle]
        return packaged_organelle(listed.folder, registry=registry)
    with package_of(model, registry=registry) as folder:
        if not is_own(folder):
            raise ModelError(f"{model} does not say which organelle it finds: give --organelle NAME or FILE.yaml")
        return packaged_organelle(folder, registry=registry)


def is_own(folder: Path) -> bool:
    """Whether the package in ``folder``, which `check_description` has accepted, was written by ASEM."""
    config = read_description(folder).get("config")
    return isinstance(config, dict) and "asem" in config


def _own(spec: ModelSpec, *, registry: Registry, channel: str | None) -> Model:
    if channel is not None:
        raise ModelError(f"the model {spec.id!r} has one output channel: leave --channel out")
    return open_own(spec, registry=registry)


def _checked(folder: Path, organelle: str) -> ModelSpec:
    spec = check_files(folder)
    check_onnx(folder / ONNX_NAME)
    if (found := organelle_of(folder)) != organelle:
        raise ModelError(f"{folder}: the model {spec.id!r} finds {found}, not {organelle}: leave --organelle out")
    return spec
