"""What every verb of annotation writes: the part of the volume that was annotated, and label images on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy.typing as npt
from importlib_metadata import version

from asem_annotate.labelling import Seeds
from asem_annotate.region import Region
from asem_annotate.scene import Scene
from asem_annotate.settings import Settings
from asem_core.blocks import Done, Job, Run, produce, run
from asem_core.errors import OutputError
from asem_core.geometry import Box, Triple
from asem_core.home import local_path
from asem_core.progress import Progress
from asem_core.volume import IMAGE, ArrayPlan, OmePlan, Volume, provenance

TRAINING = "training"
"""The label image that `asem finetune --unlabelled 0` takes: 0 not judged, 1 background, 2 the organelle."""
CHUNK: Triple = (64, 64, 64)
_BLOCK: Triple = (128, 128, 128)


def images_of(names: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """The label images of a cut: the organelles, and where it is one, what it can be trained on."""
    return (*names, TRAINING) if len(names) == 1 and settings.rim else tuple(names)


Fill = Callable[[Run, OmePlan], None]
"""Writes the image and all label images of the plan."""


def at_once(scene: Scene, find: Callable[[Run], Mapping[str, Seeds]]) -> Fill:
    """A `Fill` from memory.

    Parameters
    ----------
    find
        ``find(run)`` computes, puts what is to be said into ``run.results``, and returns the label images by name,
        ``(z, y, x)`` uint8.
    """

    def compute(run: Run) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
        images = {IMAGE: scene.image, **find(run)}
        return lambda box: {name: found[box.slices] for name, found in images.items()}

    return lambda run, plan: produce(compute, sweep="writing", block=_BLOCK, plan=plan)(run)


def write_labels(
    region: Region,
    output: str | Path,
    *,
    verb: str,
    names: Sequence[str],
    fill: Fill,
    settings: Mapping[str, Any],
    more: Mapping[str, Volume],
    overwrite: bool,
    progress: Progress,
    scratch_bytes: int = 0,
) -> Done:
    """Write an OME-Zarr: the image of the region as it is stored, and the label images ``names``.

    Parameters
    ----------
    settings
        All that the labels depend on beside what is read; JSON types.
    more
        What else is read, by role.
    scratch_bytes
        Disk that ``fill`` takes for temporary copies at most.
    """
    destination = local_path(output)
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: annotations are an OME-Zarr; name it NAME.zarr")
    raw = region.raw
    lower, _ = region.part.to_nm(raw.voxel_size, origin_nm=raw.lower_edge_nm)
    image = ArrayPlan(shape=region.part.shape, dtype=raw.dtype, chunk=CHUNK)
    plan = OmePlan(
        image=image,
        labels=dict.fromkeys(names, attrs.evolve(image, dtype="uint8")),
        voxel_size=raw.voxel_size,
        lower_edge_nm=lower,
    )
    stated = {"roi": str(region.part), "grey": region.graded.identity.get("grey"), **settings}
    return run(
        Job(
            verb=verb,
            destination=destination,
            plan=plan,
            fill=lambda under_way: fill(under_way, plan),
            inputs={"volume": raw, "seeds": region.seeds, **more},
            settings=stated,
            provenance=provenance(
                verb, raw, part=region.part, asem_annotate=version("asem-annotate"),
                seeds=dict(region.seeds.identity), settings=stated,
            ),
            scratch_bytes=scratch_bytes,
        ),
        overwrite=overwrite,
        progress=progress,
    )  # fmt: skip
