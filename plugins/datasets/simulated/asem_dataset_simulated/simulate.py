"""From what a user asks for to a volume on disk: which preset draws it, which part of which cell."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen

from asem_core.errors import AsemError, OutputError
from asem_core.geometry import FloatTriple, Triple, VoxelSize
from asem_core.progress import Progress, silent
from asem_core.volume import check_destination
from asem_dataset_simulated.cell.draw import View, Window
from asem_dataset_simulated.cell.named import CELLS, NamedCell, centred, find_part
from asem_dataset_simulated.cell.pores import Diameters, single
from asem_dataset_simulated.cell.scene import CellSpec
from asem_dataset_simulated.cell.style import Fixation
from asem_dataset_simulated.cell.write import write_view
from asem_dataset_simulated.grid import check_geometry
from asem_dataset_simulated.tissue.write import write_tissue

TISSUE = "tissue"
PRESETS: dict[str, tuple[Fixation, bool]] = {
    "cf": ("CF", False),
    "hpfs": ("HPFS", False),
    "cf-crowded": ("CF", True),
    "hpfs-crowded": ("HPFS", True),
}
"""Fixation of a cell, and whether it is crowded."""
WHOLE = "whole"
_SHAPE: Triple = (200, 200, 200)
_MIDDLE: FloatTriple = (0.0, -0.06, 0.27)
"""Where a window lies unless told: it holds a piece of nucleus, cytosol and plasma membrane."""


@frozen(kw_only=True)
class Request:
    """What to simulate; None means not said."""

    preset: str = TISSUE
    shape: Triple | None = None
    voxel_size: VoxelSize = field(factory=lambda: VoxelSize((10.0, 10.0, 10.0)))
    seed: int | None = None
    part: str | None = None
    """Of a named cell."""
    origin_nm: FloatTriple | None = None
    """Lower edge of the window in the frame of the cell, zyx."""
    diameter_um: float | None = None
    pore_diameter_nm: float | None = None


def simulate_to(
    path: Path, request: Request, *, overwrite: bool = False, progress: Progress = silent
) -> dict[str, int]:
    """Simulate into the OME-Zarr ``path``; how many objects of each kind are in it.

    Raises
    ------
    AsemError
        An unknown preset or part, or options that do not belong together.
    GeometryError
        A shape, voxel size or place that cannot be simulated.
    OutputError
        ``path`` is not called ``NAME.zarr``, exists and ``overwrite`` is not set, or cannot be written.
    """
    if path.suffix != ".zarr":
        raise OutputError(f"{path}: a simulated volume is an OME-Zarr; name it NAME.zarr")
    if request.preset == TISSUE:
        _only_for_cells(request)
        shape = request.shape or _SHAPE
        seed = request.seed or 0
        count = write_tissue(
            path, shape=shape, voxel_size=request.voxel_size, seed=seed, overwrite=overwrite, progress=progress
        )
        return {"mito": count}
    check_destination(path, overwrite=overwrite)
    return write_view(path, make_view(request), overwrite=overwrite, progress=progress)


def make_view(request: Request) -> View:
    """The cell that a preset other than ``tissue`` stands for, drawn, and the part of it that is asked for.

    Raises
    ------
    AsemError, GeometryError
        As `find_window`.
    """
    return find_window(request).view()


def find_window(request: Request) -> Window:
    """What part of which cell is asked for, with a preset other than ``tissue``; nothing is drawn.

    Raises
    ------
    AsemError
        An unknown preset or part, or options that do not belong together.
    GeometryError
        A shape, voxel size, diameter or pore diameter that cannot be simulated.

    Examples
    --------
    >>> find_window(Request(preset="cf-3", part="evaluation")).shape
    (260, 260, 260)
    """
    spec, named = _spec(request)
    if request.part == WHOLE:
        shape = _ceil(spec, request.voxel_size)
        origin: FloatTriple = (0.0, 0.0, 0.0)
    elif named is not None and request.part is not None:
        shape, origin = find_part(named, request.part).window(spec, request.voxel_size)
    else:
        shape = request.shape or _SHAPE
        origin = centred(spec, shape, request.voxel_size, middle=_MIDDLE)
    if request.part is not None and (request.shape or request.origin_nm):
        raise AsemError("--part says which part is drawn: leave --shape and --origin out")
    shape, size = check_geometry(shape, request.voxel_size.zyx)
    return Window(spec=spec, shape=shape, voxel_size_nm=size, origin_nm=request.origin_nm or origin)


def _spec(request: Request) -> tuple[CellSpec, NamedCell | None]:
    if request.preset in PRESETS:
        if request.part not in (None, WHOLE):
            raise AsemError(f"--part {request.part} is for a named cell ({', '.join(CELLS)}), or say --part whole")
        pores = Diameters() if request.pore_diameter_nm is None else single(request.pore_diameter_nm)
        diameter = 8.0 if request.diameter_um is None else request.diameter_um
        fixation, crowded = PRESETS[request.preset]
        return CellSpec(
            seed=request.seed or 0,
            fixation=fixation,
            diameter_um=diameter,
            pore_diameters=pores,
            crowded=crowded,
        ), None
    if request.preset not in CELLS:
        known = ", ".join([TISSUE, *PRESETS, *CELLS])
        raise AsemError(f"--preset {request.preset}: there is no such preset; there are: {known}")
    for option, value in (
        ("--seed", request.seed),
        ("--diameter", request.diameter_um),
        ("--pore-diameter", request.pore_diameter_nm),
    ):
        if value is not None:
            raise AsemError(f"{option}: {request.preset} is one cell; another is drawn with --preset cf or hpfs")
    named = CELLS[request.preset]
    return named.spec, named


def _only_for_cells(request: Request) -> None:
    given = {
        "--part": request.part, "--origin": request.origin_nm, "--diameter": request.diameter_um,
        "--pore-diameter": request.pore_diameter_nm,
    }  # fmt: skip
    for option, value in given.items():
        if value is not None:
            raise AsemError(f"{option} is for cells, such as --preset cf; the preset tissue has none")


def _ceil(spec: CellSpec, voxel_size: VoxelSize) -> Triple:
    z, y, x = (int(-(-length // size)) for length, size in zip(spec.extent_nm, voxel_size.zyx, strict=True))
    return z, y, x
