"""From a trained network to a model package: export, compare, cut samples, write."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import torch

from asem_core.errors import ModelError
from asem_core.geometry import VoxelSize
from asem_core.preprocessing.levels import to_grey_range
from asem_core.preprocessing.stages import make_steps, measure, normalised, split_steps
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.specs import ModelSpec, OrganelleSpec, StageRef
from asem_core.training import export
from asem_core.training.grey import read_grey
from asem_core.training.recipe import Recipe, load_recipe, recipe_values
from asem_core.training.run import LOG, RECIPE, SELECTION, WEIGHTS
from asem_core.training.unet import UNet
from asem_core.volume import Volume
from asem_core.volume.output import Input, check_destination, check_ended, complete_or_absent, scratch_beside
from asem_core.zoo.files import MOMENTS_NAME, file_sha256
from asem_core.zoo.manifest import PACKAGE
from asem_core.zoo.moments import read_moments
from asem_core.zoo.store import check_id, check_version
from asem_core.zoo.write.card import Card, Facts, ScoreSet
from asem_core.zoo.write.origin import Trained
from asem_core.zoo.write.package import write_package, zip_size
from asem_core.zoo.write.parity import Parity, parity, run_onnxruntime
from asem_core.zoo.write.samples import cut_samples, parity_cube
from asem_core.zoo.write.stages import FIXED, as_told, split_told
from asem_core.zoo.write.unwritten import unwritten_card

STAGE = "package"
ZIP_LIMIT_BYTES = 30_000_000
"""A wheel carries one package."""
LARGEST_DIFFERENCE = 1e-4
"""Runtimes that differ by more are not running the same network; measured: 1.5e-6."""


@attrs.frozen(kw_only=True)
class Packaged:
    """A written package."""

    spec: ModelSpec
    parity: tuple[Parity, ...]


def package_run(
    run: Path,
    folder: Path,
    *,
    model_id: str,
    model_version: str,
    organelle: OrganelleSpec,
    card: Card | None = None,
    sample: npt.NDArray[np.float32],
    date: str,
    scores: tuple[ScoreSet, ...] = (),
    compared: tuple[ScoreSet, ...] = (),
    inputs: Iterable[Input] = (),
    overwrite: bool = False,
) -> Packaged:
    """Turn the training run in ``run`` into a package in ``folder``; nothing is left there if it fails.

    Parameters
    ----------
    run
        Folder with ``weights.pt``, ``recipe.yaml``, ``log.jsonl``, ``grey.json`` and ``moments.json``.
    folder
        Where the package goes.
    model_id, model_version
        Names.
    organelle
        What the network finds, which the package carries: of the recipe's name.
    card
        What the makers say; None: a card that says what is known, and that the rest is not stated.
    sample
        ``(z, y, x)``, 0..255, on the recipe's grid, at least 160 voxels on each axis, as `read_sample` reads it: test
        tensors, cover and parity come from it, and a part of it is published.
    date
        ``YYYY-MM-DD``.
    scores
        What was measured with these weights.
    compared
        What was measured with another training's.
    inputs
        What was read beside ``run``, and must lie elsewhere: the sample, the card, scores.
    overwrite
        Replace the package that ``folder`` holds, unless something was added to it or edited in it.

    Raises
    ------
    ModelError
        Id or version cannot be one, the run is not finished, the runtimes disagree, or the package would be too large.
    OutputError
        The folder holds something, lies in or round what is read, or cannot be written; or the run has not ended.
    """
    check_id(model_id)
    check_version(model_version)
    check_ended(run)
    recipe_path, log = run / RECIPE, run / LOG
    inputs = (recipe_path, log, run / WEIGHTS, *inputs)
    check_destination(folder, overwrite=overwrite, kind=PACKAGE, inputs=inputs)
    recipe = load_recipe(recipe_path)
    if recipe.organelle != organelle.name:
        raise ModelError(f"{recipe_path} trains {recipe.organelle!r}, not {organelle.name!r}: check --organelle")
    if card is None:
        card = unwritten_card(
            organelle, voxel_size_nm=recipe.voxel_size_nm, volumes=len(recipe.training), start=recipe.start
        )
    network = export.load_rounded(run / WEIGHTS, base=recipe.base)
    origin = Trained(recipe=recipe_values(recipe), recipe_sha256=file_sha256(recipe_path), iterations=_iterations(run))
    moments = [] if read_moments(run) is None else [run / MOMENTS_NAME]
    facts = partial(
        Facts,
        id=model_id,
        version=model_version,
        organelle=organelle.name,
        voxel_size_nm=recipe.voxel_size_nm,
        origin=origin,
        scores=scores,
        compared=compared,
        date=date,
        grey=read_grey(run),
    )
    return package_network(
        network,
        folder,
        card=card,
        facts=facts,
        sample=sample,
        organelle=organelle,
        normalise=origin.normalise,
        records=(recipe_path, log, *moments),
        most_bytes=ZIP_LIMIT_BYTES,
        inputs=inputs,
        overwrite=overwrite,
    )


def read_sample(volume: Volume, recipe: Recipe, *, registry: Registry) -> npt.NDArray[np.float32]:
    """All of ``volume`` ``(z, y, x)``, 0..255, after the recipe's stages that other tools do not run.

    So the test tensors of a package are images that its ``rdf.yaml`` describes.

    Raises
    ------
    ModelError
        The voxels are not those of the recipe's grid.
    """
    grid = VoxelSize(recipe.voxel_size_nm)
    if not volume.voxel_size.matches(grid):
        raise ModelError(
            f"the sample {volume.uri} has voxels of {volume.voxel_size}, the model {grid}: "
            "give a sample on the model's grid"
        )
    untold, _ = split_told((*(recipe.preprocess or ()), FIXED))
    before, inside = split_steps(make_steps(untold, registry))
    image = normalised(volume, before, measure(volume, before))
    grey = to_grey_range(image.read(image.box)).astype(np.float32)
    for step in inside:
        grey = step.apply(grey, box=image.box, voxel_size=grid, stats={})
    return grey


def package_network(
    network: UNet,
    folder: Path,
    *,
    card: Card,
    facts: Callable[..., Facts],
    sample: npt.NDArray[np.float32],
    organelle: OrganelleSpec | None = None,
    normalise: Sequence[StageRef] = (),
    half: bool = True,
    cover: bool = True,
    records: tuple[Path, ...] = (),
    most_bytes: int | None = None,
    inputs: Iterable[Input] = (),
    overwrite: bool = False,
    progress: Progress = silent,
) -> Packaged:
    """Export ``network``, compare the runtimes, cut samples and write the package; complete in ``folder``, or absent.

    Parameters
    ----------
    facts
        Makes the facts from those that are measured here: ``base``, ``parameters``, ``onnx_sha256``, ``parity`` and
        the versions.
    organelle
        As for `asem_core.zoo.write.package.write_package`.
    normalise
        Stages before the fixed scale; ``sample`` has been through those that other tools do not run.
    half
        Weights are fp16 values, stored as such.
    cover
        ``sample`` is worth a large picture.
    records
        Files that tell of the training.
    most_bytes
        Of the package as a zip.
    inputs, overwrite
        As for `package_run`.

    Raises
    ------
    ModelError
        The runtimes disagree, or the package would be too large.
    OutputError
        As `package_run`.
    """
    inputs = tuple(inputs)
    folder = check_destination(folder, overwrite=overwrite, kind=PACKAGE, inputs=inputs)
    with (
        complete_or_absent(folder, needed_bytes=0, overwrite=overwrite, kind=PACKAGE, inputs=inputs) as new,
        scratch_beside(folder) as scratch,
    ):
        onnx = scratch / "weights.onnx"
        export.export_onnx(network, onnx, half=half)
        progress(STAGE, 1, 4)
        _, told = split_told((*normalise, FIXED))
        measured, probability = _compare(network, onnx, as_told(parity_cube(sample), told))
        progress(STAGE, 2, 4)
        known = facts(
            base=network.base,
            parameters=export.parameter_count(network),
            onnx_sha256=file_sha256(onnx),
            parity=measured,
            core_version=version("asem-core"),
            torch_version=torch.__version__,
        )
        samples = cut_samples(sample, probability, lambda raw: run_onnxruntime(onnx, as_told(raw, told)), cover=cover)
        progress(STAGE, 3, 4)
        spec = write_package(
            new,
            card=card,
            facts=known,
            samples=samples,
            onnx=onnx,
            organelle=organelle,
            records=records,
        )
        size = zip_size(new)
        if most_bytes is not None and size > most_bytes:
            raise ModelError(
                f"the package of {spec.id!r} takes {size / 1e6:.1f} MB zipped, more than {most_bytes / 1e6:.0f} MB"
            )
    progress(STAGE, 4, 4)
    return Packaged(spec=attrs.evolve(spec, package=str(folder)), parity=measured)


def _compare(
    network: UNet, onnx: Path, scaled: npt.NDArray[np.float32]
) -> tuple[tuple[Parity, ...], npt.NDArray[np.float32]]:
    probability = export.run_torch(network, scaled)
    measured = parity(scaled, probability, onnx)
    for entry in measured:
        if not entry.max_abs_difference <= LARGEST_DIFFERENCE:
            raise ModelError(
                f"{entry.candidate} differs from torch by {entry.max_abs_difference:.1e} on the same weights, expected "
                f"at most {LARGEST_DIFFERENCE:g}: the export is wrong, or this version of {entry.candidate} is"
            )
    return measured, probability


def _iterations(run: Path) -> int:
    """Those that made the weights: all, or as many as the run chose."""
    log, selection = run / LOG, run / SELECTION
    try:
        if selection.is_file():
            return int(json.loads(selection.read_text())["chosen"])
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        return max(int(entry["iteration"]) for entry in entries if entry["kind"] == "train")
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{run} holds no {LOG} or {SELECTION} of a training run ({error!r})") from None
