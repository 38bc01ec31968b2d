"""Writer of OME-Zarr: one image and its label images, every pyramid level created before the first voxel is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from asem_core.errors import OutputError, VolumeError
from asem_core.geometry import AXES, Box, FloatTriple, Triple, VoxelSize, centre_of_first_voxel, triple
from asem_core.progress import Progress, silent
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome import PROVENANCE, read_multiscale
from asem_core.volume.formats.zarr_array import chunk_path
from asem_core.volume.pyramid import Reduce, level_shapes, mean2, mode2

if TYPE_CHECKING:
    import zarr

__all__ = ["ArrayPlan", "OmeOutput", "OmeVersion", "build_pyramid", "chunk_path", "create_ome_zarr", "open_ome_output"]

OmeVersion = Literal["0.4", "0.5"]
Reduction = Literal["mean", "mode"]


@attrs.frozen(kw_only=True)
class ArrayPlan:
    """Level 0 of an array that is to be made."""

    shape: Triple
    dtype: np.dtype[Any] = attrs.field(converter=np.dtype)
    chunk: Triple
    reduction: Reduction = "mean"
    """How levels are made: ``mean`` for an image, ``mode`` for labels."""
    pyramid: bool = True
    """Whether there are levels above 0."""


@attrs.frozen(kw_only=True)
class OmeOutput:
    """An OME-Zarr that is being written."""

    path: Path
    image_levels: tuple[zarr.Array[Any], ...]
    """Level 0 first."""
    image_reduction: Reduction
    label_levels: Mapping[str, tuple[zarr.Array[Any], ...]]

    @property
    def image(self) -> zarr.Array[Any]:
        """Level 0 of the image ``(z, y, x)``."""
        return self.image_levels[0]

    @property
    def labels(self) -> dict[str, zarr.Array[Any]]:
        """Level 0 of every label image ``(z, y, x)``."""
        return {name: levels[0] for name, levels in self.label_levels.items()}


def create_ome_zarr(
    path: Path,
    *,
    image: ArrayPlan,
    labels: Mapping[str, ArrayPlan],
    voxel_size: VoxelSize,
    lower_edge_nm: FloatTriple,
    ome_version: OmeVersion = "0.4",
    provenance: Mapping[str, Any],
) -> OmeOutput:
    """Create the arrays of all levels and the metadata; no voxel is written.

    Parameters
    ----------
    path
        Folder to create.
    image, labels
        What to make; label images (always reduced by mode) lie under ``labels/<name>``. All share one place.
    voxel_size, lower_edge_nm
        Of level 0, in nm.
    ome_version
        ``"0.4"`` (Zarr format 2) or ``"0.5"`` (Zarr format 3).
    provenance
        Goes under the attribute ``asem`` of the root; JSON types only.

    Raises
    ------
    OutputError
        ``path`` exists already or cannot be created.
    """
    import zarr

    if path.exists():
        raise OutputError(f"{path} exists already; use --overwrite to replace it")
    try:
        root = zarr.create_group(path, zarr_format=2 if ome_version == "0.4" else 3)
        create = _Creator(voxel_size=voxel_size, lower_edge_nm=lower_edge_nm, version=ome_version)
        image_levels = create.image(root, image, name=_name(path))
        root.attrs[PROVENANCE] = dict(provenance)
        label_levels = create.labels(root, labels) if labels else {}
    except OSError as exc:
        raise OutputError(f"{path}: cannot be created: {exc.strerror or exc}") from exc
    return OmeOutput(path=path, image_levels=image_levels, image_reduction=image.reduction, label_levels=label_levels)


def open_ome_output(path: Path) -> OmeOutput:
    """Open what `create_ome_zarr` made, for writing on.

    Raises
    ------
    OutputError
        There is no such OME-Zarr, or it is incomplete.
    """
    import zarr

    try:
        root = zarr.open_group(path, mode="r+")
        names = zarr_node.children(path / "labels")
        labels = {name: _open_levels(root, path, f"labels/{name}/") for name in names}
        reduction: Reduction = "mode" if read_multiscale(path).type == "mode" else "mean"
        image = _open_levels(root, path, "")
        return OmeOutput(path=path, image_levels=image, image_reduction=reduction, label_levels=labels)
    except (VolumeError, OSError, KeyError, ValueError) as exc:
        raise OutputError(f"{path}: cannot be continued: {exc}; use --overwrite to start again") from exc


def build_pyramid(output: OmeOutput, *, progress: Progress = silent) -> None:
    """Fill levels 1 and up from level 0, one chunk at a time: means for the image, majorities for labels.

    May be run again: it writes the same values.
    """
    reduce_image = mean2 if output.image_reduction == "mean" else mode2
    stacks: list[tuple[Sequence[zarr.Array[Any]], Reduce]] = [(output.image_levels, reduce_image)]
    stacks += [(levels, mode2) for levels in output.label_levels.values()]
    steps = [(fine, coarse, fn) for levels, fn in stacks for fine, coarse in pairwise(levels)]
    total = sum(coarse.nchunks for _, coarse, _ in steps)
    done = 0
    for fine, coarse, reduce in steps:
        for box in Box.of_shape(coarse.shape).tiles(coarse.chunks):
            source = Box([2 * a for a in box.start], [2 * b for b in box.stop]).intersect(Box.of_shape(fine.shape))
            coarse[box.slices] = reduce(np.asarray(fine[source.slices]))
            done += 1
            progress("pyramid", done, total)


def _name(path: Path) -> str:
    """Of the image in the folder ``path``, which may still be the hidden one that is written to."""
    return path.name.strip(".").removesuffix(".partial").removesuffix(".zarr")


def _open_levels(root: zarr.Group, path: Path, prefix: str) -> tuple[zarr.Array[Any], ...]:
    import zarr

    levels = []
    for dataset in read_multiscale(path / prefix).datasets:
        array = root[prefix + dataset.path]
        if not isinstance(array, zarr.Array):
            raise ValueError(f"{prefix}{dataset.path} is no array")
        levels.append(array.with_config({"write_empty_chunks": True}))
    return tuple(levels)


@attrs.frozen(kw_only=True)
class _Creator:
    """What all arrays and metadata of one OME-Zarr share."""

    voxel_size: VoxelSize
    lower_edge_nm: FloatTriple
    version: OmeVersion

    def image(self, group: zarr.Group, plan: ArrayPlan, *, name: str) -> tuple[zarr.Array[Any], ...]:
        shapes = level_shapes(plan.shape) if plan.pyramid else [plan.shape]
        multiscale = self._multiscale(len(shapes), name=name, reduction=plan.reduction)
        self._annotate(group, {"multiscales": [multiscale]})
        return tuple(
            self._array(group, str(level), attrs.evolve(plan, shape=shape)) for level, shape in enumerate(shapes)
        )

    def labels(self, root: zarr.Group, plans: Mapping[str, ArrayPlan]) -> dict[str, tuple[zarr.Array[Any], ...]]:
        parent = root.create_group("labels")
        self._annotate(parent, {"labels": list(plans)})
        found = {}
        for name, plan in plans.items():
            group = parent.create_group(name)
            found[name] = self.image(group, attrs.evolve(plan, reduction="mode"), name=name)
            version = {"version": "0.4"} if self.version == "0.4" else {}  # 0.5 says it once, for the whole group
            self._annotate(group, {"image-label": {**version, "source": {"image": "../../"}}})
        return found

    def _annotate(self, group: zarr.Group, values: Mapping[str, Any]) -> None:
        if self.version == "0.4":
            group.attrs.update(dict(values))
        else:
            present = group.attrs.asdict().get("ome", {"version": self.version})
            group.attrs["ome"] = {**(present if isinstance(present, dict) else {}), **values}

    def _multiscale(self, levels: int, *, name: str, reduction: str) -> dict[str, Any]:
        from ome_zarr_models.v04.axes import Axis
        from ome_zarr_models.v04.multiscales import Dataset, Multiscale

        datasets = []
        for level in range(levels):
            size = VoxelSize([v * 2**level for v in self.voxel_size.zyx])
            centre = centre_of_first_voxel(self.lower_edge_nm, size)  # level 0 moved by (2**level - 1) / 2 voxels
            datasets.append(Dataset.build(path=str(level), scale=size.zyx, translation=centre))
        model = Multiscale(
            axes=[Axis(name=axis, type="space", unit="nanometer") for axis in AXES],
            datasets=tuple(datasets),
            name=name,
            type=reduction,
            version="0.4",
        )
        found = model if self.version == "0.4" else model.to_version("0.5")
        return found.model_dump(mode="json", exclude_none=True)

    def _array(self, group: zarr.Group, name: str, plan: ArrayPlan) -> zarr.Array[Any]:
        common: dict[str, Any] = {
            "shape": plan.shape,
            "dtype": plan.dtype,
            "chunks": triple([min(c, n) for c, n in zip(plan.chunk, plan.shape, strict=True)]),
            "fill_value": 0,
            "config": {"write_empty_chunks": True},
        }
        if self.version == "0.4":
            codec: dict[str, Any] = {"id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": 1}
            common["chunk_key_encoding"] = {"name": "v2", "separator": "/"}
            return group.create_array(name, compressors=codec, **common)
        from zarr.codecs import BloscCodec

        compressor = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
        return group.create_array(name, compressors=compressor, dimension_names=AXES, **common)
