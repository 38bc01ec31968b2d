"""Reader of OME-Zarr images 0.4 and 0.5: a level of the first multiscale, with its place in nanometres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asem_core.errors import GeometryError, VolumeError
from asem_core.geometry import AXES, FloatTriple, VoxelSize, lower_edge, triple
from asem_core.volume.address import Location, locate
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.zarr_array import ZarrArray, digest, open_array
from asem_core.volume.source import Source

if TYPE_CHECKING:
    from ome_zarr_models.v04.multiscales import Multiscale as Multiscale04
    from ome_zarr_models.v05.multiscales import Multiscale as Multiscale05

PROVENANCE = "asem"
"""Attribute of the root group that says how the file was made."""
NM_PER_UNIT = {
    "angstrom": 0.1, "picometer": 1e-3, "nanometer": 1.0, "micrometer": 1e3, "millimeter": 1e6, "centimeter": 1e7,
    "meter": 1e9, "nm": 1.0, "um": 1e3, "µm": 1e3, "micron": 1e3, "mm": 1e6,
}  # fmt: skip
"""Length units of OME-Zarr and the abbreviations that are met in practice."""


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a Zarr group with ``multiscales``, or a level of one."""
    path = locate(uri)
    if zarr_node.pyramid_of(path) is not None:
        return True
    return zarr_node.kind(path) == "group" and zarr_node.multiscale(path) is not None


def open_ome(uri: str) -> Source:
    """Open the level that ``uri`` names, or level 0 of the image that it names.

    The voxel size is unknown where an axis has no unit; time and channel axes must have length 1.
    """
    path = locate(uri)
    image = zarr_node.pyramid_of(path) or path
    multiscale = read_multiscale(image)
    _check_axes([str(axis.name) for axis in multiscale.axes], uri)
    paths = [dataset.path for dataset in multiscale.datasets]
    level = 0 if image == path else paths.index(path.name)
    folder = image / paths[level]
    array = open_array(folder)
    if len(array.shape) != len(multiscale.axes):
        raise VolumeError(f"{folder}: {len(multiscale.axes)} axes are named but the array has shape {array.shape}")
    lazy = ZarrArray(array, folder)
    if len(lazy.shape) != 3:
        raise VolumeError(
            f"{uri}: expected one channel and one time point, found shape {array.shape}; "
            "give the path of a single-channel image"
        )
    voxel_size, edge = _place(multiscale, level, uri)
    made = _provenance(image)
    return Source(
        array=lazy,
        voxel_size=voxel_size,
        lower_edge_nm=edge if made.get("placed", True) else None,
        chunks=lazy.chunks,
        digest=digest(array, folder),
        first_section=_first_section(made),
        notes=() if voxel_size else ("the axes of the image have no length unit: its scale was not used",),
    )


def _provenance(image: Location) -> Mapping[str, Any]:
    """Of the image, or of the image that the label image ``image`` belongs to; empty for what others wrote."""
    root = image.parent.parent if image.parent.name == "labels" else image
    found = zarr_node.attributes(root).get(PROVENANCE)
    return found if isinstance(found, Mapping) else {}


def _first_section(made: Mapping[str, Any]) -> int:
    number = made.get("first_section", 0)
    return number if isinstance(number, int) else 0


def read_multiscale(path: Location) -> Multiscale04 | Multiscale05:
    """The first multiscale of the image group ``path``, checked by ome-zarr-models."""
    import pydantic
    from ome_zarr_models.v04.multiscales import Multiscale as Multiscale04
    from ome_zarr_models.v05.multiscales import Multiscale as Multiscale05

    model = Multiscale05 if "ome" in zarr_node.attributes(path) else Multiscale04
    found = zarr_node.multiscale(path)
    if found is None:
        raise VolumeError(f"{path}: no OME-Zarr image here")
    try:
        return model.model_validate(_first(found["multiscales"]))
    except pydantic.ValidationError as exc:
        problem = exc.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise VolumeError(f"{path}: OME-Zarr metadata at multiscales.0.{where}: {problem['msg']}") from exc


def _first(multiscales: Any) -> Any:
    return multiscales[0] if isinstance(multiscales, Sequence) else multiscales


def _check_axes(names: Sequence[str], uri: str) -> None:
    if tuple(names[-3:]) != AXES:
        raise VolumeError(f"{uri}: expected a 3D image whose axes end in z,y,x, found {','.join(names)}")


def _place(
    multiscale: Multiscale04 | Multiscale05, level: int, uri: str
) -> tuple[VoxelSize | None, FloatTriple | None]:
    units = [str(axis.unit).lower() if axis.unit else "" for axis in multiscale.axes[-3:]]
    if not all(units):
        return None, None
    unknown = [unit for unit in units if unit not in NM_PER_UNIT]
    if unknown:
        raise VolumeError(f"{uri}: unknown length unit {unknown[0]!r}; known: {', '.join(NM_PER_UNIT)}")
    to_nm = [NM_PER_UNIT[unit] for unit in units]
    scale, translation = [1.0] * 3, [0.0] * 3
    steps = [*multiscale.datasets[level].coordinateTransformations, *(multiscale.coordinateTransformations or ())]
    for step in (transform.model_dump() for transform in steps):
        factors, shifts = _last_three(step, "scale", 1.0), _last_three(step, "translation", 0.0)
        scale = [s * f for s, f in zip(scale, factors, strict=True)]
        translation = [t * f + d for t, f, d in zip(translation, factors, shifts, strict=True)]
    try:
        voxel_size = VoxelSize([s * u for s, u in zip(scale, to_nm, strict=True)])
    except GeometryError as exc:
        raise VolumeError(f"{uri}: OME-Zarr scale: {exc}") from exc
    if not any(transform.type == "translation" for transform in steps):
        return voxel_size, None
    centre = triple([t * u for t, u in zip(translation, to_nm, strict=True)])
    return voxel_size, lower_edge(centre, voxel_size)


def _last_three(step: Mapping[str, Any], name: str, default: float) -> Sequence[float]:
    values = step.get(name)
    return [float(v) for v in values[-3:]] if isinstance(values, Sequence) else [default] * 3
