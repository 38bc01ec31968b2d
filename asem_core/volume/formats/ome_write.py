"""Writer of OME-Zarr: one image and its label images, every pyramid level created before the first voxel is written.

An output that is not whole says so in its own attributes, see `asem_core.volume.unfinished`.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import OutputError, VolumeError
from asem_core.geometry import AXES, Box, FloatTriple, Triple, VoxelSize, centre_of_first_voxel, triple
from asem_core.progress import Progress, silent
from asem_core.volume.address import Location
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome import PROVENANCE
from asem_core.volume.formats.zarr_array import store_at
from asem_core.volume.pieces import chunk_pieces, digests, digests_found, restore
from asem_core.volume.places import delete, told
from asem_core.volume.pyramid import level_shapes, mean2, mode2
from asem_core.volume.unfinished import Unfinished, mark_finished, mark_unfinished

if TYPE_CHECKING:
    import zarr

OmeVersion = Literal["0.4", "0.5"]
Reduction = Literal["mean", "mode"]

IMAGE = "image"
"""What the image is called where arrays of an output go by name, as its label images do."""
LABEL_IMAGES = "label_images"
"""In the provenance: names of the label images that were made with the image."""
FOLDERS = "folders"
"""In the provenance: names of folders beside the levels that were made with the image."""
FINGERPRINT = "fingerprint"
"""In the provenance: of the run that made it, see `asem_core.blocks.journal.Head`."""
MOST_SHARD_BYTES = 2**29
"""Of one array: several blocks are held at once, and their halos with them."""
PYRAMID_SHARE = 8 / 7
"""A pyramid with factor 2 per axis holds 1 + 1/8 + 1/64 + ... of level 0."""


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
    shard: Triple | None = None
    """Voxels of a shard, one file of whole chunks; None: every chunk is a file."""

    @property
    def unit(self) -> Triple:
        """What is one file, and must therefore be written by one block."""
        return self.shard or self.chunk

    def in_shards(self, sides: Triple) -> ArrayPlan:
        """The same in shards of ``sides`` voxels.

        Raises
        ------
        OutputError
            Such a shard is not whole chunks, or more than a block of a job holds.
        """
        if any(side < 1 or (n > c and side % c) for side, c, n in zip(sides, self.chunk, self.shape, strict=True)):
            raise OutputError(
                f"a shard is whole chunks, here of {_text(self.chunk)} voxels, got {_text(sides)}: choose a multiple"
            )
        shard = triple([side if n > c else c for side, c, n in zip(sides, self.chunk, self.shape, strict=True)])
        size = math.prod(min(side, n) for side, n in zip(shard, self.shape, strict=True)) * self.dtype.itemsize
        if size > MOST_SHARD_BYTES:
            raise OutputError(
                f"a shard of {_text(sides)} voxels ({self.dtype}) takes {size / 1e6:.0f} MB; it is written at once, by "
                f"one block, which holds up to {MOST_SHARD_BYTES / 1e6:.0f} MB: choose a smaller --shard"
            )
        return attrs.evolve(self, shard=shard)


@attrs.frozen(kw_only=True)
class LevelBlock:
    """A block of a level above 0, made from the level below."""

    array: str
    """Name of the image or label image."""
    level: int
    box: Box

    def __str__(self) -> str:
        return f"{self.array} {self.box}"


@attrs.frozen(kw_only=True)
class OmeOutput:
    """An OME-Zarr that is being written."""

    path: Location
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

    @property
    def levels(self) -> dict[str, tuple[zarr.Array[Any], ...]]:
        """The levels of `IMAGE` and of every label image, by name."""
        return {IMAGE: self.image_levels, **self.label_levels}

    def write(self, box: Box, found: Mapping[str, npt.NDArray[Any]]) -> dict[str, str]:
        """Write level 0 of ``box``: of the image under `IMAGE`, of label images under their names.

        Parameters
        ----------
        found
            The voxels of those arrays that this sweep writes.

        Returns
        -------
        dict
            The digest of every file, a chunk or shard, that was written.
        """
        pieces, levels = [], self.levels
        for name, values in found.items():
            pieces += self._write(levels[name][0], box, values)
        return digests(self.path, pieces)

    def pyramid(self) -> list[list[LevelBlock]]:
        """Per level above 0, the blocks to `reduce`; a level needs all of the one below."""
        deepest = max(len(levels) for levels in self.levels.values())
        return [
            [
                LevelBlock(array=name, level=level, box=box)
                for name, levels in self.levels.items()
                if level < len(levels)
                for box in Box.of_shape(levels[level].shape).tiles(levels[level].shards or levels[level].chunks)
            ]
            for level in range(1, deepest)
        ]

    def reduce(self, block: LevelBlock) -> dict[str, str]:
        """Make ``block``: means for an image, majorities for labels; the digests of its files."""
        fine, coarse = self.levels[block.array][block.level - 1 : block.level + 1]
        box, whole = block.box, Box.of_shape(fine.shape)
        mean = block.array == IMAGE and self.image_reduction == "mean"
        values = np.empty(box.shape, coarse.dtype)
        with told(self.path):
            for part in box.tiles(coarse.chunks):  # of a shard, eight times as much need not be held at once
                source = Box([2 * a for a in part.start], [2 * b for b in part.stop]).intersect(whole)
                inside = part.shift([-a for a in box.start]).slices
                values[inside] = (mean2 if mean else mode2)(np.asarray(fine[source.slices]))
        return digests(self.path, self._write(coarse, box, values))

    def _write(self, array: zarr.Array[Any], box: Box, values: npt.NDArray[Any]) -> list[str]:
        """Write ``box`` of ``array``; names of its files."""
        pieces = chunk_pieces(array, box)
        ends = zip(box.stop, array.shape, array.shards or array.chunks, strict=True)
        with told(self.path):
            if array.shards and any(stop == n and n % unit for stop, n, unit in ends):
                # Zarr puts what it writes of a shard over the end into what is there, which may be damaged.
                for piece in pieces:
                    delete(self.path / piece)
            array[box.slices] = np.asarray(values).astype(array.dtype, copy=False)
        return pieces

    def frame(self) -> dict[str, str]:
        """Digests of the metadata by which arrays are found, placed and read; other attributes may come and go."""
        version = self.image.metadata.zarr_format
        of_array, of_image = _FRAME[version]
        images = ["", *(f"labels/{name}/" for name in self.label_levels)]
        arrays = [level.path for levels in self.levels.values() for level in levels]
        pieces = [_STATED[version], *(f"{image}{name}" for image in images for name in of_image)]
        return digests(self.path, [*pieces, *(f"{array}/{of_array}" for array in arrays)])


_FRAME = {
    2: (".zarray", [".zgroup", ".zattrs#multiscales"]),
    3: ("zarr.json", ["zarr.json#attributes/ome/multiscales"]),
}
"""Per Zarr format the piece of an array, and those of the group of an image."""
_STATED = {2: f".zattrs#{PROVENANCE}/{FINGERPRINT}", 3: f"zarr.json#attributes/{PROVENANCE}/{FINGERPRINT}"}
"""Per Zarr format the piece that states who made it."""


@attrs.frozen(kw_only=True)
class OmePlan:
    """An OME-Zarr that is to be made."""

    image: ArrayPlan
    labels: Mapping[str, ArrayPlan] = attrs.field(factory=dict)
    """Label images, always reduced by mode; they share the image's place."""
    voxel_size: VoxelSize
    """Of level 0, nm."""
    lower_edge_nm: FloatTriple
    ome_version: OmeVersion | None = None
    """By default 0.4, with shards 0.5."""
    shard: int | Triple | None = None
    """Sides of a shard in voxels, or one for all three; None: every chunk is a file."""

    def __attrs_post_init__(self) -> None:
        if self.shard is not None and self.ome_version == "0.4":
            raise OutputError("shards are written as OME-Zarr 0.5: leave --ome-version 0.4 out, or --shard")
        _ = self.arrays  # refuses a shard that cannot be

    @property
    def arrays(self) -> dict[str, ArrayPlan]:
        """The plans of `IMAGE` and of every label image, by name."""
        plans = {IMAGE: self.image, **self.labels}
        if self.shard is None:
            return plans
        sides = triple([self.shard] * 3) if isinstance(self.shard, int) else self.shard
        return {name: plan.in_shards(sides) for name, plan in plans.items()}

    @property
    def version(self) -> OmeVersion:
        """Of OME-Zarr."""
        return self.ome_version or ("0.4" if self.shard is None else "0.5")

    @property
    def shape(self) -> Triple:
        """Voxels of level 0."""
        return self.image.shape

    @property
    def bytes(self) -> int:
        """What it takes on disk at most."""
        level0 = sum(math.prod(plan.shape) * plan.dtype.itemsize for plan in self.arrays.values())
        return int(level0 * PYRAMID_SHARE)

    @property
    def settings(self) -> dict[str, Any]:
        """What its files depend on; JSON types."""
        arrays = {
            name: {"shape": list(p.shape), "dtype": str(p.dtype), "chunk": list(p.chunk), "reduction": p.reduction}
            | ({} if p.shard is None else {"shard": list(p.shard)})
            for name, p in self.arrays.items()
        }
        return {
            "arrays": arrays, "voxel_size_nm": list(self.voxel_size.zyx), "lower_edge_nm": list(self.lower_edge_nm),
            "ome_version": self.version,
        }  # fmt: skip

    def place(self, destination: Location) -> Location:
        """Where it is written: at once where it will be, since it says itself that it is unfinished."""
        return destination

    def create(self, path: Path, *, provenance: Mapping[str, Any]) -> OmeOutput:
        """See `create_ome_zarr`."""
        labels = self.arrays
        return create_ome_zarr(
            path,
            image=labels.pop(IMAGE),
            labels=labels,
            voxel_size=self.voxel_size,
            lower_edge_nm=self.lower_edge_nm,
            ome_version=self.version,
            provenance=provenance,
        )

    def run_of(self, path: Location) -> str | None:
        """See `run_of`."""
        return run_of(path)

    def mark(self, path: Location, mark: Unfinished) -> None:
        """See `asem_core.volume.unfinished`."""
        mark_unfinished(path, mark)

    def unmark(self, path: Location) -> None:
        """Take the mark away."""
        mark_finished(path)

    def open(self, path: Location, *, provenance: Mapping[str, Any], mend: bool = True) -> OmeOutput:
        """What `create` made, for writing on; with ``mend``, what differs in its `OmeOutput.frame` is made anew.

        Raises
        ------
        OutputError
            There is no such OME-Zarr, or it is incomplete.
        """
        if mend:
            self._mend(path, provenance)
        return open_ome_output(path, labels=self.labels)

    def _mend(self, path: Location, provenance: Mapping[str, Any]) -> None:
        """Make the metadata of ``path`` what `create` makes it."""
        with tempfile.TemporaryDirectory(prefix="asem-") as name:
            made = Path(name) / path.name
            fresh = self.create(made, provenance=provenance)
            expected = fresh.frame()
            for piece, value in digests_found(path, expected).items():
                if value != expected[piece]:
                    restore(piece, source=made, root=path)


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
        ``path`` exists already.
    OSError
        It cannot be created.
    """
    import zarr

    if path.exists():
        raise OutputError(f"{path} exists already; use --overwrite to replace it")
    root = zarr.create_group(path, zarr_format=2 if ome_version == "0.4" else 3)
    create = _Creator(voxel_size=voxel_size, lower_edge_nm=lower_edge_nm, version=ome_version)
    image_levels = create.image(root, image, name=_name(path))
    root.attrs[PROVENANCE] = {**provenance, LABEL_IMAGES: list(labels)}
    label_levels = create.labels(root, labels) if labels else {}
    return OmeOutput(path=path, image_levels=image_levels, image_reduction=image.reduction, label_levels=label_levels)


def run_of(path: Location) -> str | None:
    """The fingerprint of the run that made the OME-Zarr ``path``; empty: none did; None: its attributes are lost."""
    try:
        found = zarr_node.attributes(path)
    except VolumeError:
        return None
    provenance = found.get(PROVENANCE)
    stated = str(provenance.get(FINGERPRINT, "")) if isinstance(provenance, Mapping) else ""
    return stated if found else None


def open_ome_output(path: Location, *, labels: Iterable[str]) -> OmeOutput:
    """Open what `create_ome_zarr` made, for writing on: its image and the label images ``labels``.

    Raises
    ------
    OutputError
        There is no such OME-Zarr, or it is incomplete.
    """
    import zarr

    try:
        with told(path):
            root = zarr.open_group(store_at(path), mode="r+")
            label_levels = {name: _open_levels(root, path, f"labels/{name}/") for name in labels}
            reduction: Reduction = "mode" if zarr_node.reduction(path) == "mode" else "mean"
            image = _open_levels(root, path, "")
        return OmeOutput(path=path, image_levels=image, image_reduction=reduction, label_levels=label_levels)
    except (VolumeError, OSError, KeyError, ValueError) as exc:
        raise OutputError(f"{path}: cannot be continued: {exc}; use --overwrite to start again") from exc


def build_pyramid(output: OmeOutput, *, progress: Progress = silent) -> None:
    """Make all levels above 0 of ``output``, whose level 0 is whole; may be run again."""
    blocks = [block for level in output.pyramid() for block in level]
    for done, block in enumerate(blocks, start=1):
        output.reduce(block)
        progress("pyramid", done, len(blocks))


def _text(sides: Triple) -> str:
    return ",".join(map(str, sides))


def _name(path: Path) -> str:
    """Of the image in the folder ``path``, which may still be the hidden one that is written to."""
    return path.name.strip(".").removesuffix(".partial").removesuffix(".unfinished").removesuffix(".zarr")


def _open_levels(root: zarr.Group, path: Location, prefix: str) -> tuple[zarr.Array[Any], ...]:
    import zarr

    levels = []
    for name in zarr_node.levels(path / prefix):
        array = root[prefix + name]
        if not isinstance(array, zarr.Array):
            raise ValueError(f"{prefix}{name} is no array")
        levels.append(array.with_config({"write_empty_chunks": True}))
    if not levels:
        raise ValueError(f"{prefix or 'its image'} has no levels")
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
            self._annotate(group, {"image-label": {**self._stated, "source": {"image": "../../"}}})
        return found

    def _annotate(self, group: zarr.Group, values: Mapping[str, Any]) -> None:
        if self.version == "0.4":
            group.attrs.update(dict(values))
        else:
            present = group.attrs.asdict().get("ome", {"version": self.version})
            group.attrs["ome"] = {**(present if isinstance(present, dict) else {}), **values}

    def _multiscale(self, levels: int, *, name: str, reduction: str) -> dict[str, Any]:
        datasets = []
        for level in range(levels):
            size = VoxelSize([v * 2**level for v in self.voxel_size.zyx])
            centre = centre_of_first_voxel(self.lower_edge_nm, size)  # level 0 moved by (2**level - 1) / 2 voxels
            place = [{"type": "scale", "scale": list(size.zyx)}, {"type": "translation", "translation": list(centre)}]
            datasets.append({"path": str(level), "coordinateTransformations": place})
        return {
            "axes": [{"name": axis, "type": "space", "unit": "nanometer"} for axis in AXES],
            "datasets": datasets,
            "name": name,
            "type": reduction,
            **self._stated,
        }

    @property
    def _stated(self) -> dict[str, str]:
        """The version, in every part of the metadata; 0.5 states it once, for a whole group."""
        return {"version": "0.4"} if self.version == "0.4" else {}

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

        common["shards"] = plan.shard and triple(
            [min(s, -(-n // c) * c) for s, n, c in zip(plan.shard, plan.shape, common["chunks"], strict=True)]
        )
        compressor = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
        return group.create_array(name, compressors=compressor, dimension_names=AXES, **common)
