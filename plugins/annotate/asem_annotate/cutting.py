"""Graph-cut annotation of a volume: seeds in, labels out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from asem_annotate.by_blocks import plan_blocks
from asem_annotate.labelling import FIRST, Seeds, solve, without_rim
from asem_annotate.prediction import open_prediction, read_prediction
from asem_annotate.region import Grey, check_both, open_region
from asem_annotate.scene import Scene, fits_at_once, read_scene
from asem_annotate.settings import Settings, choose_settings
from asem_annotate.write import TRAINING, at_once, images_of, write_labels
from asem_core.blocks import Run
from asem_core.errors import AsemError
from asem_core.geometry import Box, BoxNm, VoxelSize
from asem_core.organelles import find_organelle
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import OrganelleSpec
from asem_core.volume import Location, Volume

VERB = "asem annotate cut"
Organelle = OrganelleSpec | str | Path


@attrs.frozen(kw_only=True)
class Cut:
    """What `cut` made."""

    path: Location
    """OME-Zarr: the image, and ``labels/<organelle>`` of every organelle."""
    part: Box
    """Voxels of the volume."""
    voxels: Mapping[str, int]
    """Per organelle."""
    supervoxels: int
    reused: bool
    """Whether the volume had been prepared before."""
    blocks: int = 1
    """That were cut one after the other."""

    def __str__(self) -> str:
        found = ", ".join(f"{count:,} voxels of {name}" for name, count in self.voxels.items())
        how = "prepared before" if self.reused else "prepared now" if self.blocks == 1 else f"{self.blocks} blocks"
        return f"{self.path}: {found} in {self.part} ({self.supervoxels:,} supervoxels, {how})"


def cut(
    volume: Volume | str | Path,
    seeds: Volume | str | Path,
    *,
    output: str | Path,
    organelle: Organelle | Sequence[Organelle],
    prediction: Volume | str | Path | None = None,
    settings: Settings | None = None,
    roi: Box | BoxNm | None = None,
    grey: Grey = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    registry: Registry | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Cut:
    """Label organelles from seeds by a graph cut.

    Parameters
    ----------
    volume
        The image or its address: ``(z, y, x)``, uint8, uint16 or floats in [0, 1], dark or bright as it is.
    seeds
        On the grid of ``volume``, or a part of it that states its place: 0 nothing, 1 background, 2 the organelle, 3
        and up further ones.
    output
        OME-Zarr to make: the image of the part, and ``labels/<organelle>`` 0/1.
    organelle
        Of the value 2, or a sequence for 2, 3, and so on: a name, a file (docs/organelles.md) or a spec.
    prediction
        Probability of the first organelle, such as `asem_core.segment` makes: uint8 0 to 255, or floats in [0, 1].
    settings
        By default the preset of the first organelle, see `choose_settings`.
    roi
        Part of the volume, voxels or nm; by default all that ``seeds`` cover. More than 512^3 voxels are cut by blocks,
        see `asem_annotate.by_blocks`.
    grey
        Levels that become 0 and 255, where the type does not say it.

    Raises
    ------
    VolumeError
        Seeds that are not as above, or of which a kind is missing.
    GeometryError
        Seeds or prediction on another grid, or of another shape.
    BudgetError
        More voxels than memory.
    OutputError
        See `asem_core.blocks.run`.

    Notes
    -----
    Gallusser et al. 2022, graph-cut annotation; what differs is in docs/annotate.md. The prepared volume is kept beside
    the seeds, in ``<seeds>.prepared``, unless it is cut by blocks.

    Examples
    --------
    >>> print(cut("cell.zarr", "seeds.zarr", output="cut.zarr", organelle="mito"))  # doctest: +SKIP
    """
    registry = registry or make_registry()
    names = organelle_names(organelle, registry)
    chosen = settings or choose_settings(names[0])
    region = open_region(volume, seeds, roi=roi, names=names, registry=registry, voxel_size=voxel_size, grey=grey)
    if fits_at_once(region.part):
        scene = read_scene(region, names=names, settings=chosen, progress=progress)
        return _cut_at_once(
            scene, output, names=names, prediction=prediction,
            settings=chosen, registry=registry, overwrite=overwrite, progress=progress,
        )  # fmt: skip
    map_of = None if prediction is None else open_prediction(prediction, region, registry=registry, progress=progress)
    blocks = plan_blocks(region, names=names, settings=chosen, prediction=map_of, progress=progress)
    made = write_labels(
        region,
        output,
        verb=VERB,
        names=images_of(names, chosen),
        fill=blocks.fill,
        settings={"organelles": list(names), "by_blocks": blocks.stated, **attrs.asdict(chosen)},
        more={} if map_of is None else {"prediction": map_of},
        overwrite=overwrite,
        progress=progress,
        scratch_bytes=blocks.scratch_bytes,
    )
    return Cut(path=made.path, part=region.part, **made.results)


def _cut_at_once(
    scene: Scene,
    output: str | Path,
    *,
    names: Sequence[str],
    prediction: Volume | str | Path | None,
    settings: Settings,
    registry: Registry,
    overwrite: bool,
    progress: Progress,
) -> Cut:
    check_both(scene, scene.kinds, names)
    prior = None if prediction is None else read_prediction(prediction, scene, registry=registry)

    def find(run: Run) -> Mapping[str, Seeds]:
        prepared, reused = scene.prepare(settings, progress=progress)
        progress("cutting", 0, 1)
        found = solve(prepared, scene.strokes, settings=settings, prior=None if prior is None else prior.probability)
        progress("cutting", 1, 1)
        images = {name: (found == value).astype(np.uint8) for value, name in enumerate(names, start=FIRST)}
        counts = {name: int(image.sum()) for name, image in images.items()}
        if TRAINING in images_of(names, settings):
            size = scene.raw.voxel_size
            images[TRAINING] = without_rim(found, scene.strokes, rim=settings.rim, voxel_size=size)
        run.results.update(voxels=counts, supervoxels=prepared.nodes, reused=reused)
        return images

    made = write_labels(
        scene,
        output,
        verb=VERB,
        names=images_of(names, settings),
        fill=at_once(scene, find),
        settings={"organelles": list(names), **attrs.asdict(settings)},
        more={} if prior is None else {"prediction": prior.volume},
        overwrite=overwrite,
        progress=progress,
    )
    return Cut(path=made.path, part=scene.part, **made.results)


def organelle_names(organelle: Organelle | Sequence[Organelle], registry: Registry) -> tuple[str, ...]:
    """What the labels are called.

    Raises
    ------
    AsemError
        None, or one of them twice.
    """
    given = [organelle] if isinstance(organelle, OrganelleSpec | str | Path) else list(organelle)
    names = tuple(find_organelle(each, registry).name for each in given)
    if TRAINING in names:
        raise AsemError(f"{TRAINING!r} is the name of what is trained on; name an organelle")
    if not names or len(set(names)) < len(names):
        raise AsemError(f"expected different organelles, one for each value of the seeds from 2 up; got {names}")
    return names
