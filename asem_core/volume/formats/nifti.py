"""Reader of NIfTI (``.nii``, ``.nii.gz``) through nibabel, which counts axes x, y, z.

Voxel size and unit come from ``pixdim`` and ``xyzt_units``, the place from the affine where it neither turns nor
mirrors. The header is read without nibabel's checks, which put 1 where a size is 0.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.address import stamp
from asem_core.volume.source import Source, unchunked
from asem_core.volume.stated import Lengths, Stated

SUFFIXES = (".nii", ".nii.gz")
_AXES = "xyztuvw"
_UNITS = {0: "", 1: "m", 2: "mm", 3: "um"}
"""By the lower three bits of ``xyzt_units``."""
_STRAIGHT = 1e-5
"""Parts of a voxel by which axes may seem turned."""
_AGREE = 1e-3
"""Relative difference up to which two statements of a size are one."""
_HEADER = 540
"""Bytes of the longer header, NIfTI-2."""


class NiftiArray:
    """Voxels as they are stored; the file is opened anew for every read."""

    def __init__(self, file: Path, header: Any) -> None:
        self._file = file
        self.shape: tuple[int, ...] = tuple(int(n) for n in header.get_data_shape())
        self._stored = header.get_data_dtype()
        self._offset = header.get_data_offset()
        self.dtype: np.dtype[Any] = self._stored.newbyteorder("=")

    @property
    def end(self) -> int:
        """Bytes of the file that the voxels need, where it is not compressed."""
        return int(self._offset + self._stored.itemsize * int(np.prod(self.shape, dtype=object)))

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        from nibabel.arrayproxy import ArrayProxy

        proxy: Any = ArrayProxy
        as_stored = (self.shape, self._stored, self._offset, 1.0, 0.0)
        try:
            return np.array(proxy(str(self._file), as_stored)[key], self.dtype)
        except (OSError, EOFError, ValueError, zlib.error) as exc:
            raise VolumeError(f"{self._file}: cannot be read: {exc}; copy it again") from exc


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a file with the suffix of NIfTI."""
    path = Path(uri)
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def open_nifti(uri: str) -> Source:
    """Open the image. What a scale of grey values or a turned affine would change is noted, not done."""
    path = Path(uri)
    header = _header(path)
    array = NiftiArray(path, header)
    if min(array.shape) < 1:
        raise VolumeError(f"{path}: damaged NIfTI file: its header states the shape {array.shape}")
    first, least = header.get_data_offset(), type(header).single_vox_offset
    if first < least:
        raise VolumeError(f"{path}: damaged NIfTI file: its voxels would begin at byte {first}, inside its header")
    compressed = path.suffix.lower() == ".gz"
    if not compressed and array.end > path.stat().st_size:
        raise VolumeError(f"{path}: truncated: expected {array.end} bytes, found {path.stat().st_size}; copy it again")
    affine = _affine(header)
    return Source(
        array=array,
        stated=attrs.evolve(_stated(header, affine), axes=_AXES[: len(array.shape)]),
        chunks=(*array.shape[:2], *[1] * (len(array.shape) - 2)) if compressed else unchunked(array.shape),
        digest=str(stamp(path)),
        notes=_notes(header, turned=affine is not None and _place(affine) is None),
    )


def _stated(header: Any, affine: npt.NDArray[np.float64] | None) -> Stated:
    units = _UNITS.get(int(header["xyzt_units"]) % 8, f"code {header['xyzt_units']}")
    sides = header["pixdim"][1:4].tolist()
    size = Lengths(values=sides, units=units, axes="xyz", where="pixdim of its header (x,y,z)")
    if affine is None:
        return Stated(size=size)
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.allclose(steps, np.abs(sides), rtol=_AGREE, atol=0):
        told = ", ".join(f"{step:g}" for step in steps)
        return Stated(unclear=(f"pixdim of its header (x,y,z) is {sides}, but its affine says {told}",))
    place = _place(affine)
    return Stated(
        size=size,
        centre=None if place is None else Lengths(values=place, units=units, axes="xyz", where="its affine (x,y,z)"),
    )


def _header(path: Path) -> Any:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header
    from nibabel.openers import ImageOpener

    kinds: tuple[Any, ...] = (Nifti1Header, Nifti2Header)
    try:
        with ImageOpener(str(path), "rb") as file:
            start = file.read(_HEADER)
            kind = next((kind for kind in kinds if kind.may_contain_header(start)), None)
            if kind is None:
                raise VolumeError(f"{path}: no header of NIfTI; a file of Analyze 7.5 must be converted first")
            file.seek(0)
            return kind.from_fileobj(file, check=False)
    except (OSError, EOFError, zlib.error) as exc:
        raise VolumeError(f"{path}: damaged NIfTI file, or none: {exc}") from exc


def _affine(header: Any) -> npt.NDArray[np.float64] | None:
    """Where voxels lie; None where the header says nothing of it."""
    if not (header["sform_code"] > 0 or header["qform_code"] > 0):
        return None
    with np.errstate(all="ignore"):
        found: npt.NDArray[np.float64] = header.get_best_affine()
    return found


def _place(affine: npt.NDArray[np.float64]) -> list[float] | None:
    """Centre of the first voxel, x, y, z; None where axes are turned or mirrored."""
    sides = np.diag(affine)[:3]
    if not (sides > 0).all() or not np.allclose(affine[:3, :3], np.diag(sides), rtol=0, atol=_STRAIGHT * sides.max()):
        return None
    found: list[float] = affine[:3, 3].tolist()
    return found


def _notes(header: Any, *, turned: bool) -> tuple[str, ...]:
    notes = []
    gain, offset = float(header["scl_slope"]), float(header["scl_inter"])
    if np.isfinite([gain, offset]).all() and gain != 0 and (gain, offset) != (1, 0):
        notes.append(f"NIfTI scales grey values as {gain:g} x stored value + {offset:g}; they are taken as stored")
    if turned:
        notes.append("its affine turns or mirrors the image; voxels and axes are taken as stored, without a position")
    return tuple(notes)
