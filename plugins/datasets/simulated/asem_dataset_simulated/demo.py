"""The demo: a simulated cell, segmented, scored against its known truth, and drawn."""

from __future__ import annotations

from pathlib import Path

import attrs

from asem_core import Segmentation, segment
from asem_core.draw import check_figures, draw_evaluation
from asem_core.errors import PluginError
from asem_core.evaluation import Evaluation, evaluate
from asem_core.geometry import Triple, VoxelSize
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec
from asem_core.volume import check_destination, check_folder, open_labels, open_volume
from asem_core.zoo import choose_model
from asem_dataset_simulated.tissue.write import write_tissue

ORGANELLE = "mito"
SEED = 2026
"""No model is trained on it: the recipes of the project simulate seeds 1 to 4."""
SHAPE: Triple = (200, 200, 200)
VOXEL_SIZE = VoxelSize((10.0, 10.0, 10.0))


@attrs.frozen(kw_only=True)
class Demo:
    """What `run_demo` made."""

    cell: Path
    """The simulated OME-Zarr, its truth under ``labels/mito``."""
    mitochondria: int
    segmentation: Segmentation
    evaluation: Evaluation
    pictures: tuple[Path, ...]


def run_demo(
    folder: Path,
    *,
    registry: Registry,
    seed: int = SEED,
    shape: Triple = SHAPE,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Demo:
    """Simulate a cell of 10 nm voxels, segment its mitochondria, score them and draw what is right and wrong.

    A demo that was stopped goes on when it is called again; one that has ended is verified and shown again.

    Parameters
    ----------
    folder
        Made if missing; holds ``cell.zarr``, ``mito.zarr`` and ``pictures``.
    registry
        Where the organelle is looked up.
    seed, shape
        Of the simulated cell; ``shape`` in voxels, zyx.
    overwrite
        Replace what an earlier demo left in ``folder``; other files stay.

    Raises
    ------
    PluginError
        The mitochondria plugin is not installed.
    ModelError
        It has no model.
    OutputError
        ``folder`` holds a demo of another cell (and ``overwrite`` is not set) or other things in its place.
    """
    organelle = _organelle(registry)
    folder = check_folder(folder)
    cell, output, pictures = folder / "cell.zarr", folder / f"{ORGANELLE}.zarr", folder / "pictures"
    for path in (cell, output):
        check_destination(path, overwrite=True)
    check_figures(pictures, organelle=ORGANELLE, kind="evaluation", inputs=[cell, output])
    mitochondria = write_tissue(
        cell, shape=shape, voxel_size=VOXEL_SIZE, seed=seed, overwrite=overwrite, progress=progress
    )
    segmentation = segment(cell, output, organelle=organelle, registry=registry, overwrite=overwrite, progress=progress)
    found, truth = (open_labels(path, ORGANELLE, registry=registry) for path in (output, cell))
    raw = open_volume(cell, registry=registry)
    return Demo(
        cell=cell,
        mitochondria=mitochondria,
        segmentation=segmentation,
        evaluation=evaluate(found, truth, organelle=organelle, registry=registry, progress=progress),
        pictures=tuple(draw_evaluation(raw, found, truth, pictures, organelle=ORGANELLE)),
    )


def _organelle(registry: Registry) -> OrganelleSpec:
    """The organelle, with a model: an error now, before anything is written."""
    try:
        organelle = registry.organelles[ORGANELLE]
    except PluginError as error:
        raise PluginError(f"{error}; the demo needs its plugin: pip install asem-organelle-mito") from None
    choose_model(organelle, None)
    return organelle
