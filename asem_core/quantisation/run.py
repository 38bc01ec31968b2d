"""A package with its network in 8-bit integers beside the weights, tried on labelled volumes before it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from asem_core.errors import ModelError
from asem_core.geometry import VoxelSize
from asem_core.home import local_path
from asem_core.models.find import choose_organelle, find_model
from asem_core.models.own import OwnModel
from asem_core.models.quantised import load_nncf, quantised_graph
from asem_core.models.runtimes.openvino_runtime import processor
from asem_core.progress import Progress, silent
from asem_core.quantisation.tissue import Tissue, given_tissue, training_tissue
from asem_core.quantisation.trial import MOST_LOST, Judged, lost, precisions, try_precisions, validation_volumes
from asem_core.registry import Registry, make_registry
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.training.recipe import Recipe, load_recipe
from asem_core.training.run import RECIPE, described_organelle
from asem_core.volume import Volume, open_labels
from asem_core.volume.opening import as_volume
from asem_core.volume.output import check_destination, complete_or_absent, scratch_beside
from asem_core.zoo.files import INT8_NAME
from asem_core.zoo.find import package_of
from asem_core.zoo.manifest import PACKAGE
from asem_core.zoo.write.quantised import Quantisation, score_table, write_quantised


@attrs.frozen(kw_only=True)
class Quantised:
    """What `quantise` made."""

    spec: ModelSpec
    quantisation: Quantisation

    def __str__(self) -> str:
        said = "has int8 weights" if self.quantisation.kept else "int8 refused"
        return f"{score_table(self.quantisation)}\n{self.spec.id} {said}: {self.quantisation.verdict}"


def quantise(
    model: str | Path,
    output: str | Path,
    *,
    data: Path | None = None,
    recipe: str | Path | None = None,
    volume: Volume | str | Path | None = None,
    labels: Volume | str | Path | None = None,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Quantised:
    """Write a package of ``model`` that has its network in 8-bit integers too, if F1 falls by at most 0.005.

    Where it falls by more the package is written without them, and its card says why.

    Parameters
    ----------
    model
        Id, folder or zip of a package of ASEM's.
    output
        Folder of the new package.
    data
        Folder at which the relative addresses of the recipe begin; by default the working folder. Its training volumes
        calibrate, its validation volumes are scored, as far as they are here.
    recipe
        Take the volumes from this file, of the same organelle, instead of the recipe in the package.
    volume
        Calibrate on this one instead, which should be like those that the model was trained on.
    labels
        Truth of ``volume``: F1 is compared on it instead of on the recipe's validation volumes.
    registry
        By default everything installed.
    voxel_size
        nm (z, y, x), of a ``volume`` that does not state it.
    overwrite
        Replace a package that ASEM wrote.
    progress
        Told about every block.

    Raises
    ------
    RecipeError
        ``recipe`` is none.
    ModelError
        The model is not one of ASEM's, NNCF is not installed, ``recipe`` trains another organelle, or no volume is here
        to calibrate or to score on.
    PluginError
        OpenVINO is not installed, or this processor is not made for 8-bit integers.
    OutputError
        ``output`` exists, lies in what is read, or cannot be written.

    Examples
    --------
    >>> print(quantise("mito-10nm", "mito-int8", data=Path("volumes")))  # doctest: +SKIP
    """
    registry = registry or make_registry()
    names = precisions()
    if labels is not None and volume is None:
        raise ModelError("--labels are the truth of --volume: give both")
    given = None if volume is None else as_volume(volume, registry=registry, voxel_size=voxel_size)
    name = volume.uri if isinstance(volume, Volume) else str(volume)
    told = None if recipe is None else load_recipe(local_path(recipe))
    inputs = [each for each in (given, labels) if each is not None]
    folder = check_destination(local_path(output), overwrite=overwrite, kind=PACKAGE, inputs=inputs)
    with package_of(model, registry=registry) as parent:
        organelle = choose_organelle(None, model=parent, registry=registry)
        if told is not None:
            described = described_organelle(told, folder=data or Path(), registry=registry)
            trains = told.organelle if described is None else described.name
            if trains != organelle.name:
                raise ModelError(
                    f"{recipe} trains {trains}, the model {model} finds {organelle.name}: "
                    f"give a recipe of {organelle.name}"
                )
        with (
            find_model(parent, organelle=organelle, registry=registry) as found,
            complete_or_absent(
                folder, needed_bytes=0, overwrite=overwrite, kind=PACKAGE, inputs=[parent, *inputs]
            ) as new,
            scratch_beside(folder) as scratch,
        ):
            if not isinstance(found, OwnModel):
                raise ModelError(f"the model {found.id!r} is not one of ASEM's: only those can be quantised")
            if told is None and (parent / RECIPE).exists():
                told = load_recipe(parent / RECIPE)
            tissue, judged = _data(
                found, told, data or Path(), given, labels, name=name, organelle=organelle, registry=registry,
                progress=progress,
            )  # fmt: skip
            progress("calibrating", 0, 1)
            int8 = scratch / INT8_NAME
            int8.write_bytes(quantised_graph(found.onnx, tissue.blocks))
            progress("calibrating", 1, 1)
            both = attrs.evolve(found, int8=int8)
            scores = try_precisions(
                both, judged, names=names, organelle=organelle, registry=registry, scratch=scratch, progress=progress
            )
            quantisation = Quantisation(
                calibrated_on=tissue.told,
                scores=scores,
                lost=lost(scores),
                most_lost=MOST_LOST,
                absent=0 if told is None or labels is not None else len(told.validation) - len(judged),
                processor=processor(),
            )
            spec = write_quantised(new, parent=parent, int8=int8, quantisation=quantisation)
    return Quantised(spec=attrs.evolve(spec, package=str(folder)), quantisation=quantisation)


def check_quantises() -> None:
    """Whether this machine can make, and try, networks in 8-bit integers.

    Raises
    ------
    ModelError
        NNCF is not installed.
    PluginError
        OpenVINO is not, or this processor is not made for 8-bit integers.
    """
    load_nncf()
    precisions()


def _data(
    model: OwnModel,
    recipe: Recipe | None,
    folder: Path,
    volume: Volume | None,
    labels: Volume | str | Path | None,
    *,
    name: str,
    organelle: OrganelleSpec,
    registry: Registry,
    progress: Progress,
) -> tuple[Tissue, tuple[Judged, ...]]:
    """What to calibrate and to score on: ``volume``, told by ``name``, and ``labels``; else as the recipe says."""
    if recipe is None and (volume is None or labels is None):
        raise ModelError(
            f"the package of {model.id!r} has no {RECIPE}: give a volume and its truth (--volume, --labels)"
        )
    if volume is not None and labels is not None:
        truth = labels if isinstance(labels, Volume) else open_labels(
            labels, organelle.name, registry=registry, voxel_size=volume.voxel_size
        )  # fmt: skip
        judged: tuple[Judged, ...] = (Judged(name=name, volume=volume, labels=truth),)
    else:
        assert recipe is not None
        judged = validation_volumes(recipe.validation, organelle=organelle.name, folder=folder, registry=registry)
    if volume is not None:
        return given_tissue(volume, model, name=name, progress=progress), judged
    assert recipe is not None
    return training_tissue(recipe.training, model, folder=folder, registry=registry, progress=progress), judged
