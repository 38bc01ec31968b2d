"""Graph-cut annotation of a volume: seeds in, labels out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.labelling import FIRST, Seeds, solve
from asem_annotate.scene import Grey, Scene, check_both, open_scene
from asem_annotate.settings import Settings, choose_settings
from asem_annotate.write import write_labels
from asem_core.blocks import Run
from asem_core.errors import AsemError, VolumeError
from asem_core.geometry import Box, BoxNm, VoxelSize
from asem_core.organelles import find_organelle
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import OrganelleSpec
from asem_core.volume import Volume, as_volume, check_values

Organelle = OrganelleSpec | str | Path


@attrs.frozen(kw_only=True)
class Cut:
    """What `cut` made."""

    path: Path
    """OME-Zarr: the image, and ``labels/<organelle>`` of every organelle."""
    part: Box
    """Voxels of the volume."""
    voxels: Mapping[str, int]
    """Per organelle."""
    supervoxels: int
    reused: bool
    """Whether the volume had been prepared before."""

    def __str__(self) -> str:
        found = ", ".join(f"{count:,} voxels of {name}" for name, count in self.voxels.items())
        how = "prepared before" if self.reused else "prepared now"
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
        Part of the volume, voxels or nm; by default all that ``seeds`` cover. At most 512^3 voxels.
    grey
        Levels that become 0 and 255, where the type does not say it.

    Raises
    ------
    VolumeError
        Seeds that are not as above, or of which a kind is missing.
    GeometryError
        Seeds or prediction on another grid, or of another shape.
    BudgetError
        More voxels than memory, or than 512^3.
    OutputError
        See `asem_core.blocks.run`.

    Notes
    -----
    Gallusser et al. 2022, graph-cut annotation; what differs is in docs/annotate.md. The prepared volume is kept beside
    the seeds, in ``<seeds>.prepared``.

    Examples
    --------
    >>> print(cut("cell.zarr", "seeds.zarr", output="cut.zarr", organelle="mito"))  # doctest: +SKIP
    """
    registry = registry or make_registry()
    names = organelle_names(organelle, registry)
    chosen = settings or choose_settings(names[0])
    scene = open_scene(
        volume, seeds, roi=roi, names=names, registry=registry, voxel_size=voxel_size, grey=grey, progress=progress
    )
    check_both(scene, names)
    prior = None if prediction is None else read_prediction(prediction, scene, registry=registry)

    def find(run: Run) -> Mapping[str, Seeds]:
        prepared, reused = scene.prepare(chosen, progress=progress)
        progress("cutting", 0, 1)
        found = solve(prepared, scene.strokes, settings=chosen, prior=None if prior is None else prior.probability)
        progress("cutting", 1, 1)
        images = {name: (found == value).astype(np.uint8) for value, name in enumerate(names, start=FIRST)}
        counts = {name: int(image.sum()) for name, image in images.items()}
        run.results.update(voxels=counts, supervoxels=prepared.nodes, reused=reused)
        return images

    made = write_labels(
        scene,
        output,
        verb="asem annotate cut",
        names=names,
        find=find,
        settings={"organelles": list(names), **attrs.asdict(chosen)},
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
    if not names or len(set(names)) < len(names):
        raise AsemError(f"expected different organelles, one for each value of the seeds from 2 up; got {names}")
    return names


@attrs.frozen(kw_only=True, eq=False)
class Prediction:
    """A probability map on the scene."""

    volume: Volume
    probability: npt.NDArray[np.float32]
    """``(z, y, x)`` in [0, 1]."""


def read_prediction(prediction: Volume | str | Path, scene: Scene, *, registry: Registry) -> Prediction:
    """The part of a probability map that lies on the scene.

    Raises
    ------
    VolumeError
        It holds neither uint8 (0 to 255) nor floats in [0, 1], or labels.
    GeometryError
        It does not cover the scene.
    """
    given = as_volume(prediction, registry=registry, voxel_size=scene.raw.voxel_size, only_if_unstated=True)
    if given.dtype != np.uint8 and given.dtype.kind != "f":
        raise VolumeError(f"{given.uri} holds {given.dtype}: a prediction is uint8 (0 to 255) or floats in [0, 1]")
    there = scene.of_part(given)
    check_values(there)
    values = there.read(there.box)
    if values.dtype == np.uint8 and values.max() == 1:
        raise VolumeError(f"{given.uri} holds 0 and 1 here, labels: give the probabilities (the image of what `asem "
                          "segment` made)")  # fmt: skip
    scale = 255 if values.dtype == np.uint8 else 1
    return Prediction(volume=given, probability=values.astype(np.float32) / np.float32(scale))
