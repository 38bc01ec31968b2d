"""The import: blockwise from a crop of class ids to an OME-Zarr with raw, one organelle's labels and ``annotated``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from importlib_metadata import version

from asem_core.blocks import Job, Run, map_blocks, produce, run
from asem_core.errors import AsemError
from asem_core.geometry import Box, Triple
from asem_core.grid import resample_labels, source_box
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume import IMAGE, ArrayPlan, OmePlan, Volume, open_labels, open_volume, provenance, staged_bytes
from asem_dataset_asem.cosem.classes import NOT_ANNOTATED, RELATED
from asem_dataset_asem.cosem.frame import CropFrame

ANNOTATED = "annotated"
CHUNK: Triple = (64, 64, 64)


@attrs.frozen(kw_only=True)
class Imported:
    """What `import_crop` made."""

    path: Path
    box: Box
    """Voxels of raw."""
    organelle_voxels: int
    annotated_voxels: int
    notes: tuple[str, ...]


def import_crop(
    frame: CropFrame,
    raw: Volume,
    output: Path,
    *,
    organelle: str,
    classes: Collection[int],
    registry: Registry | None = None,
    block: Triple = CHUNK,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Imported:
    """Write the part of raw under a crop with the organelle's labels on raw's grid.

    Parameters
    ----------
    frame
        What `place_crop` returned.
    raw
        The image that it was placed on; its voxels are copied as they are.
    output
        OME-Zarr to make: image raw, ``labels/<organelle>`` 0/1, ``labels/annotated`` 1 where somebody looked.
    organelle
        Name of the label image.
    classes
        Ids that are the organelle. Every other id is background, 0 is "not annotated".
    registry
        Where readers come from; by default everything installed.
    block
        Voxels per axis of a block of raw's grid; the result does not depend on it.

    Raises
    ------
    AsemError
        Nothing in the crop is annotated, or the output cannot be written.

    Notes
    -----
    A voxel of raw is the organelle where classes of the organelle fill at least half of it: their shares are added
    before they are compared with the rest, so that a membrane and a lumen that share a voxel do not lose to the
    cytosol. It is annotated where annotated voxels fill at least half of it.
    """
    if organelle == ANNOTATED:
        raise AsemError(f"{ANNOTATED!r} is the name of the mask of what was annotated; name an organelle")
    counts = count_classes(frame.crop, progress=progress)
    if set(counts) <= {NOT_ANNOTATED}:
        raise AsemError(f"{frame.crop.uri}: nothing is annotated in this crop: every voxel is 0")
    notes = (*frame.notes, *_class_notes(counts, organelle, classes), *_raw_notes(raw))
    wanted = np.array(sorted(classes))
    lower, _ = frame.box.to_nm(raw.voxel_size, origin_nm=raw.lower_edge_nm)
    image = ArrayPlan(shape=frame.box.shape, dtype=raw.dtype, chunk=CHUNK)
    plan = OmePlan(
        image=image,
        labels=dict.fromkeys((organelle, ANNOTATED), attrs.evolve(image, dtype="uint8")),
        voxel_size=raw.voxel_size,
        lower_edge_nm=lower,
    )
    settings = {"classes": {organelle: wanted.tolist()}, "flip": sorted(frame.flip), "crop_start": list(frame.start)}

    def compute(run: Run) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
        source = run.readable(raw)

        def of(box: Box) -> Mapping[str, npt.NDArray[Any]]:
            target = box.shift(frame.box.start)
            needed = source_box(target, frame.ratio)
            ids = frame.read(needed)
            masks = {organelle: np.isin(ids, wanted), ANNOTATED: ids != NOT_ANNOTATED}
            on_raw = {name: resample_labels(mask, needed.start, target, frame.ratio) for name, mask in masks.items()}
            return {IMAGE: source.read(target), **on_raw}

        return of

    job = Job(
        verb="asem labels cosem",
        destination=output,
        plan=plan,
        inputs={"raw": raw, "crop": frame.crop},
        settings=settings,
        fill=produce(compute, sweep="importing", block=block, plan=plan),
        provenance=provenance(
            "asem labels cosem",
            raw,
            part=frame.box,
            asem_dataset_asem=version("asem-dataset-asem"),
            crop=dict(frame.crop.identity),
            class_voxels={str(i): n for i, n in sorted(counts.items())},
            notes=list(notes),
            **settings,
        ),
        scratch_bytes=staged_bytes(raw),
    )
    run(job, overwrite=overwrite, progress=progress)
    found = [open_volume(output, registry=registry)]
    found += [open_labels(output, name, registry=registry) for name in (organelle, ANNOTATED)]
    return _measure(found, output, frame.box, organelle=organelle, notes=notes, progress=progress)


def count_classes(crop: Volume, *, progress: Progress = silent) -> Counter[int]:
    """Voxels per class id of ``crop``."""

    def count(box: Box) -> Counter[int]:
        ids, voxels = np.unique(crop.read(box), return_counts=True)
        return Counter(dict(zip(ids.tolist(), voxels.tolist(), strict=True)))

    total: Counter[int] = Counter()
    for part in map_blocks(count, list(crop.box.tiles(128)), sweep="counting classes", progress=progress):
        total.update(part)
    return total


def _class_notes(counts: Counter[int], organelle: str, classes: Collection[int]) -> list[str]:
    notes = []
    if not set(counts) & set(classes):
        notes.append(f"no voxel of classes {_join(classes)} in this crop: all of it is background")
    for name, ids in RELATED.get(organelle, {}).items():
        found = sum(counts[i] for i in ids - set(classes))
        if found:
            notes.append(f"{found:,} voxels of {name} (classes {_join(ids)}) count as background: see --classes")
    return notes


def _raw_notes(raw: Volume) -> list[str]:
    if raw.dtype == np.uint8:
        return []
    return [f"raw is {raw.dtype} and stays so: models are given 0 to 255 with dark membranes; see docs/cosem.md"]


def _measure(
    written: Sequence[Volume], output: Path, box: Box, *, organelle: str, notes: tuple[str, ...], progress: Progress
) -> Imported:
    """Count what was written, and compare grey levels: an inverted raw shows there."""
    raw, labels, annotated = written

    def measure(part: Box) -> tuple[int, int, float, float]:
        grey, known = raw.read(part).astype(np.float64), annotated.read(part) != 0
        inside = labels.read(part) != 0
        return int(inside.sum()), int(known.sum()), float(grey[inside].sum()), float(grey[known & ~inside].sum())

    found = map_blocks(measure, list(raw.box.tiles(128)), sweep="measuring", progress=progress)
    voxels, known, grey_in, grey_out = (sum(values) for values in zip(*found, strict=True))
    if 0 < voxels < known:
        means = f"{grey_in / voxels:.4g} in {organelle}, {grey_out / (known - voxels):.4g} in the rest"
        notes = (*notes, f"mean of raw: {means} of what is annotated")
    return Imported(path=output, box=box, organelle_voxels=int(voxels), annotated_voxels=int(known), notes=notes)


def _join(ids: Collection[int]) -> str:
    return ",".join(map(str, sorted(ids)))
