"""What every verb of annotation writes: the part of the volume that was annotated, and label images on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy.typing as npt
from importlib_metadata import version

from asem_annotate.labelling import Seeds
from asem_annotate.scene import Scene
from asem_core.blocks import Done, Job, Run, produce, run
from asem_core.errors import OutputError
from asem_core.geometry import Box, Triple
from asem_core.home import local_path
from asem_core.progress import Progress
from asem_core.volume import IMAGE, ArrayPlan, OmePlan, Volume, provenance

CHUNK: Triple = (64, 64, 64)
_BLOCK: Triple = (128, 128, 128)


def write_labels(
    scene: Scene,
    output: str | Path,
    *,
    verb: str,
    names: Sequence[str],
    find: Callable[[Run], Mapping[str, Seeds]],
    settings: Mapping[str, Any],
    more: Mapping[str, Volume],
    overwrite: bool,
    progress: Progress,
) -> Done:
    """Write an OME-Zarr: the image of the scene as it is stored, and the label images ``names``.

    Parameters
    ----------
    find
        ``find(run)`` computes, puts what is to be said into ``run.results``, and returns the label images by name,
        ``(z, y, x)`` uint8.
    settings
        All that the labels depend on beside what is read; JSON types.
    more
        What else is read, by role.
    """
    destination = local_path(output)
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: annotations are an OME-Zarr; name it NAME.zarr")
    raw = scene.raw
    lower, _ = scene.part.to_nm(raw.voxel_size, origin_nm=raw.lower_edge_nm)
    image = ArrayPlan(shape=scene.part.shape, dtype=raw.dtype, chunk=CHUNK)
    plan = OmePlan(
        image=image,
        labels=dict.fromkeys(names, attrs.evolve(image, dtype="uint8")),
        voxel_size=raw.voxel_size,
        lower_edge_nm=lower,
    )
    stated = {"roi": str(scene.part), "grey": scene.graded.identity.get("grey"), **settings}

    def compute(run: Run) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
        images = {IMAGE: scene.image, **find(run)}
        return lambda box: {name: found[box.slices] for name, found in images.items()}

    return run(
        Job(
            verb=verb,
            destination=destination,
            plan=plan,
            fill=produce(compute, sweep="writing", block=_BLOCK, plan=plan),
            inputs={"volume": raw, "seeds": scene.seeds, **more},
            settings=stated,
            provenance=provenance(
                verb, raw, part=scene.part, asem_annotate=version("asem-annotate"), seeds=dict(scene.seeds.identity),
                settings=stated,
            ),
        ),
        overwrite=overwrite,
        progress=progress,
    )  # fmt: skip
