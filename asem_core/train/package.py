"""From a finished training run to a model package: export, compare, cut samples, write."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import torch

from asem_core.errors import ModelError
from asem_core.specs import ModelSpec
from asem_core.train import export
from asem_core.train.recipe import load_recipe, recipe_values
from asem_core.train.unet import UNet
from asem_core.zoo.card import Card, Facts, ScoreSet
from asem_core.zoo.check import Parity, parity, run_onnxruntime
from asem_core.zoo.files import file_sha256
from asem_core.zoo.sample import cut_samples, parity_cube, scale
from asem_core.zoo.write import LOG_NAME, RECIPE_NAME, write_package

WEIGHTS_NAME = "weights.pt"
LARGEST_DIFFERENCE = 1e-4
"""Runtimes that differ by more are not running the same network; measured: 1.5e-6."""


@attrs.frozen(kw_only=True)
class Packaged:
    """A written package."""

    spec: ModelSpec
    parity: tuple[Parity, ...]


def package_run(
    run: Path, folder: Path, *, model_id: str, model_version: str, organelle: str, card: Card,
    sample: npt.NDArray[np.float32], date: str, scores: tuple[ScoreSet, ...] = (), overwrite: bool = False,
) -> Packaged:  # fmt: skip
    """Turn the training run in ``run`` into a package in ``folder``; nothing is left there if it fails.

    Parameters
    ----------
    run
        Folder with ``weights.pt``, ``recipe.yaml`` and ``log.jsonl``.
    folder
        Where the package goes.
    model_id, model_version, organelle
        Names.
    card
        What the makers say.
    sample
        ``(z, y, x)``, 0..255, on the recipe's grid, at least 160 voxels on each axis: test tensors, cover and parity
        come from it, and a part of it is published.
    date
        ``YYYY-MM-DD``.
    scores
        What was measured with these weights.
    overwrite
        Replace the package that ``folder`` holds.

    Raises
    ------
    ModelError
        The run is not finished, the runtimes disagree, or the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()) and not (overwrite and _is_package(folder)):
        raise ModelError(f"{folder} is not empty: choose another folder, or pass --overwrite to replace a package")
    recipe_path, log = run / RECIPE_NAME, run / LOG_NAME
    recipe = load_recipe(recipe_path)
    if recipe.organelle != organelle:
        raise ModelError(f"{recipe_path} trains {recipe.organelle!r}, not {organelle!r}: check --organelle")
    network = export.load_rounded(run / WEIGHTS_NAME, base=recipe.base)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        onnx, state_dict = Path(scratch) / "weights.onnx", Path(scratch) / "weights.pt"
        export.export_onnx(network, onnx)
        export.save_state_dict(network, state_dict)
        measured, probability = _compare(network, onnx, sample)
        facts = Facts(
            id=model_id, version=model_version, organelle=organelle, voxel_size_nm=recipe.voxel_size_nm,
            base=recipe.base, parameters=export.parameter_count(network), iterations=_iterations(log),
            recipe=recipe_values(recipe), recipe_sha256=file_sha256(recipe_path),
            onnx_sha256=file_sha256(onnx), parity=measured, scores=scores, date=date,
            core_version=version("asem-core"), torch_version=torch.__version__,
        )  # fmt: skip
        samples = cut_samples(sample, probability, lambda scaled: run_onnxruntime(onnx, scaled))
        new = Path(scratch) / "package"
        spec = write_package(
            new, card=card, facts=facts, samples=samples, onnx=onnx, state_dict=state_dict, recipe=recipe_path, log=log
        )
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(new, folder)
    return Packaged(spec=attrs.evolve(spec, package=str(folder)), parity=measured)


def _compare(
    network: UNet, onnx: Path, sample: npt.NDArray[np.float32]
) -> tuple[tuple[Parity, ...], npt.NDArray[np.float32]]:
    scaled = scale(parity_cube(sample))
    probability = export.run_torch(network, scaled)
    measured = parity(scaled, probability, onnx)
    for entry in measured:
        if not entry.max_abs_difference <= LARGEST_DIFFERENCE:
            raise ModelError(
                f"{entry.candidate} differs from torch by {entry.max_abs_difference:.1e} on the same weights, expected "
                f"at most {LARGEST_DIFFERENCE:g}: the export is wrong, or this version of {entry.candidate} is"
            )
    return measured, probability


def _iterations(log: Path) -> int:
    try:
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        return max(int(entry["iteration"]) for entry in entries if entry["kind"] == "train")
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{log} is not the log of a training run ({error!r})") from None


def _is_package(folder: Path) -> bool:
    return (folder / "rdf.yaml").is_file()
