"""Correction of a prediction by strokes: labels, and a volume to fine-tune on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from asem_annotate.correction import correct_labels
from asem_annotate.cutting import Organelle, organelle_names
from asem_annotate.labelling import Seeds
from asem_annotate.prediction import read_prediction
from asem_annotate.region import Grey, check_any
from asem_annotate.scene import open_scene
from asem_annotate.settings import Settings, correction_settings
from asem_annotate.write import TRAINING, at_once, write_labels
from asem_core.blocks import Run
from asem_core.errors import AsemError
from asem_core.geometry import Box, BoxNm, VoxelSize
from asem_core.organelles import find_organelle
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.volume import Location, Volume


@attrs.frozen(kw_only=True)
class Correction:
    """What `correct` made."""

    path: Location
    """OME-Zarr: the image, ``labels/<organelle>`` and ``labels/training``."""
    organelle: str
    part: Box
    added: int
    """Voxels that were not the organelle's."""
    removed: int
    """Voxels that were."""
    judged: int
    """Voxels of ``labels/training`` that say something."""

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.added:,} voxels added to {self.organelle}, {self.removed:,} removed in {self.part}; "
            f"{self.judged:,} to train on"
        )


def correct(
    volume: Volume | str | Path,
    strokes: Volume | str | Path,
    *,
    prediction: Volume | str | Path,
    output: str | Path,
    organelle: Organelle,
    settings: Settings | None = None,
    threshold: float | None = None,
    roi: Box | BoxNm | None = None,
    grey: Grey = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    registry: Registry | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Correction:
    """Correct a prediction by strokes where it is wrong; all that they do not change stays as the network gave it.

    Parameters
    ----------
    volume
        The image that was predicted on.
    strokes
        On its grid, or a part of it that states its place: 0 nothing, 1 not the organelle, 2 the organelle. One kind is
        enough.
    prediction
        Probability of the organelle, such as `asem_core.segment` makes: uint8 0 to 255, or floats in [0, 1].
    output
        OME-Zarr to make: the image, ``labels/<organelle>`` 0/1, and ``labels/training``, which
        ``asem finetune --unlabelled 0`` takes.
    settings
        By default the organelle's preset with smoothness 1.
    threshold
        A voxel belongs to the organelle where the probability is at least this; by default the organelle's.
    roi, grey
        As in `cut`.

    Raises
    ------
    AsemError
        As `cut`.

    Examples
    --------
    >>> correct("cell.zarr", "strokes.zarr", prediction="mito.zarr", output="right.zarr",
    ...         organelle="mito")  # doctest: +SKIP
    """
    registry = registry or make_registry()
    (name,) = organelle_names(organelle, registry)
    least = choose_threshold(threshold, organelle, registry)
    chosen = settings or correction_settings(name)
    scene = open_scene(
        volume, strokes, roi=roi, names=[name], settings=chosen, registry=registry, voxel_size=voxel_size, grey=grey,
        progress=progress,
    )  # fmt: skip
    check_any(scene, scene.kinds)
    predicted = read_prediction(prediction, scene, registry=registry)

    def find(run: Run) -> Mapping[str, Seeds]:
        prepared, _ = scene.prepare(chosen, progress=progress)
        progress("correcting", 0, 1)
        made = correct_labels(prepared, predicted.probability, scene.strokes, settings=chosen, threshold=least)
        progress("correcting", 1, 1)
        before, after = predicted.probability >= least, made.labels > 0
        run.results.update(
            added=int(np.count_nonzero(after & ~before)),
            removed=int(np.count_nonzero(before & ~after)),
            judged=int(np.count_nonzero(made.judged)),
        )
        return {name: made.labels, TRAINING: made.judged}

    done = write_labels(
        scene,
        output,
        verb="asem annotate correct",
        names=(name, TRAINING),
        fill=at_once(scene, find),
        settings={"organelle": name, "threshold": least, **attrs.asdict(chosen)},
        more={"prediction": predicted.volume},
        overwrite=overwrite,
        progress=progress,
    )
    return Correction(path=done.path, organelle=name, part=scene.part, **done.results)


def choose_threshold(threshold: float | None, organelle: Organelle, registry: Registry) -> float:
    """``threshold``; where it is None, that of ``organelle``.

    Raises
    ------
    AsemError
        It is no probability.
    """
    chosen = find_organelle(organelle, registry).threshold if threshold is None else threshold
    if not 0 <= chosen <= 1:
        raise AsemError(f"the threshold is a probability, from 0 to 1, got {chosen:g}")
    return chosen
