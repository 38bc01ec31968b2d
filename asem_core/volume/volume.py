"""A volume: a 3D image that is opened, not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import GeometryError, VolumeError
from asem_core.geometry import AXES, Box, BoxNm, FloatTriple, Triple, VoxelSize, centre_of_first_voxel, triple

if TYPE_CHECKING:
    import xarray as xr


class LazyArray(Protocol):
    """What a reader hands over: numpy-style slicing that reads only what is asked for.

    A key is an integer or a slice for each axis, of which the last may be left out; steps may be negative.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __getitem__(self, key: Any) -> Any: ...


@attrs.frozen(kw_only=True, repr=False)
class Volume:
    """A 3D image on disk with its place in the microscope's frame.

    ``array`` is ``(z, y, x)``. Voxel ``(0, 0, 0)`` starts at ``lower_edge_nm``.
    """

    array: LazyArray
    voxel_size: VoxelSize
    lower_edge_nm: FloatTriple = (0.0, 0.0, 0.0)
    uri: str
    format: str
    """Name of the reader that opened it."""
    chunks: Triple
    """The unit in which the storage is read; ``(1, y, x)`` for sections."""
    identity: Mapping[str, Any] = attrs.field(factory=dict)
    """What tells this input from another one: goes into fingerprints and provenance. Where it is empty, an array in
    memory is told by its voxels; of any other no run goes on, and none is verified by repeating it."""
    notes: tuple[str, ...] = ()
    """What the user should know, such as foreign files that were ignored."""
    states_place: bool = False
    """Whether the data says that it lies at ``lower_edge_nm``, even where that is 0."""
    first_section: int = 0
    """Number of section z = 0 in the acquisition: 40 where its TIFF files begin with ``section_0040.tif``."""

    @property
    def placed(self) -> bool:
        """Whether its place is known. Most TIFF states none: such a volume is laid on others by its shape."""
        return self.states_place or any(self.lower_edge_nm)

    def __str__(self) -> str:
        shape, size = (" x ".join(f"{n:g}" for n in each) for each in (self.shape, self.size_um))
        return f"{self.uri}: {shape} voxels (z,y,x) of {self.voxel_size}, {size} um, {self.dtype}, {self.format}"

    def __repr__(self) -> str:
        return f"<Volume {self}>"

    def _repr_html_(self) -> str:
        """For notebooks: the same words, and three small slices where these are not much to read."""
        from asem_core.draw import glance

        return glance(self)

    @property
    def size_um(self) -> FloatTriple:
        """Edge lengths of the whole volume in micrometres, z, y, x."""
        return triple([n * step / 1000 for n, step in zip(self.shape, self.voxel_size.zyx, strict=True)])

    @property
    def shape(self) -> Triple:
        """Voxels per axis."""
        z, y, x = self.array.shape
        return (z, y, x)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one voxel."""
        return self.array.dtype

    @property
    def box(self) -> Box:
        """The box of the whole volume."""
        return Box.of_shape(self.shape)

    @property
    def planewise(self) -> bool:
        """Whether reading a small block means reading whole sections."""
        return self.chunks[0] == 1 and self.shape[0] > 1 and self.chunks[1:] == self.shape[1:]

    def part(self, roi: Box | BoxNm | None) -> Box:
        """The voxels of ``roi``, which must lie in this volume; all voxels where it is None.

        Raises
        ------
        GeometryError
            ``roi`` is empty, reaches outside, or is in nm and cuts through voxels.
        """
        if roi is None:
            return self.box
        box = roi.to_voxels(self.voxel_size, origin_nm=self.lower_edge_nm) if isinstance(roi, BoxNm) else roi
        if not box.size or not self.box.contains(box):
            problem = "is empty" if not box.size else "reaches outside"
            raise GeometryError(f"ROI {roi} {problem}: {self.uri} is {self.extent}")
        return box

    @property
    def extent(self) -> str:
        """In words, where this volume lies, in voxels and in nm."""
        edges = BoxNm(*self.box.to_nm(self.voxel_size, origin_nm=self.lower_edge_nm))
        return f"{self.box} (z,y,x voxels, half-open) of {self.voxel_size}, {edges}"

    def read(self, box: Box) -> npt.NDArray[Any]:
        """The voxels of ``box`` ``(z, y, x)``, in the stored dtype.

        Raises
        ------
        VolumeError
            ``box`` reaches outside the volume, or the file cannot be read.
        """
        if not self.box.contains(box):
            raise VolumeError(f"box {box} reaches outside {self.uri}, which is {self.shape} voxels")
        return np.asarray(self.array[box.slices])

    def to_xarray(self) -> xr.DataArray:
        """This volume as a lazily indexed `xarray.DataArray` with dims ``z y x`` and coordinates in nm (centres)."""
        import xarray as xr

        from asem_core.volume.lazy import lazy_variable

        first = centre_of_first_voxel(self.lower_edge_nm, self.voxel_size)
        coords = {
            axis: (axis, start + step * np.arange(n), {"units": "nanometer"})
            for axis, start, step, n in zip(AXES, first, self.voxel_size.zyx, self.shape, strict=True)
        }
        found = {"voxel_size_nm": self.voxel_size.zyx, "uri": self.uri}
        return xr.DataArray(lazy_variable(self.array), coords=coords, attrs=found)
