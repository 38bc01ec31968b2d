"""Cells with names: what models are trained on, chosen by, and finally scored on.

They mirror the roles of the paper's cells (Gallusser et al. 2022): 1 and 2 chemically fixed and annotated for training,
3 and 6 chemically fixed and naive; 19 and 20 high-pressure frozen for training, 21 and 22 naive. No recipe of the
project reads a naive cell. Crowded cells have no counterpart there: of either fixation four are for training and two
are naive. What a name stands for never changes: a change of the simulator that alters the voxels of a named cell gives
it a new name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from asem_core.errors import AsemError
from asem_core.geometry import FloatTriple, Triple, VoxelSize
from asem_dataset_simulated.cell.style import Fixation

if TYPE_CHECKING:
    from asem_dataset_simulated.cell.scene import CellSpec

Role = Literal["training", "naive"]
_GOLGI_UM = (2.4, 2.4, 2.4)
_COVERSLIP_UM = (3.2, 0.6, 3.2)
_COVERSLIP_Y = 0.2025
_NUCLEUS_UM = (4.0, 3.2, 4.0)


@frozen(kw_only=True)
class Part:
    """A box of a cell: its middle as a share of the cell's diameter from the cell's middle (zyx), its sides (zyx)."""

    middle: FloatTriple
    size_um: FloatTriple

    def window(self, spec: CellSpec, voxel_size: VoxelSize) -> tuple[Triple, FloatTriple]:
        """Shape in voxels, and lower edge in nm, of the box in ``spec``'s cell."""
        z, y, x = (max(1, round(1000 * side / size)) for side, size in zip(self.size_um, voxel_size.zyx, strict=True))
        return (z, y, x), centred(spec, (z, y, x), voxel_size, middle=self.middle)


@frozen(kw_only=True)
class NamedCell:
    """A cell, what it is for, and its parts by name."""

    name: str
    seed: int
    fixation: Fixation
    diameter_um: float = 8.0
    role: Role
    mirrors: str | None = None
    """The paper's cell whose role it plays."""
    crowded: bool = False
    parts: dict[str, Part]

    @property
    def spec(self) -> CellSpec:
        """What it is drawn from."""
        from asem_dataset_simulated.cell.scene import CellSpec  # numpy, which listing data sets does without

        return CellSpec(seed=self.seed, fixation=self.fixation, diameter_um=self.diameter_um, crowded=self.crowded)


def centred(spec: CellSpec, shape: Triple, voxel_size: VoxelSize, *, middle: FloatTriple) -> FloatTriple:
    """Lower edge in nm, on whole nm, of a window whose middle is ``middle`` diameters from the middle of the cell."""
    z, y, x = (
        float(round(extent / 2 + 1000 * spec.diameter_um * share - count * size / 2))
        for extent, share, count, size in zip(spec.extent_nm.tolist(), middle, shape, voxel_size.zyx, strict=True)
    )
    return z, y, x


def find_cell(name: str) -> NamedCell:
    """The named cell ``name``; AsemError with all names where there is none."""
    if name not in CELLS:
        raise AsemError(f"no simulated cell {name!r}; there are: {', '.join(CELLS)}")
    return CELLS[name]


def find_part(cell: NamedCell, name: str) -> Part:
    """The part ``name`` of ``cell``; AsemError with its parts where there is none."""
    if name not in cell.parts:
        raise AsemError(f"{cell.name} has no part {name!r}; it has: {', '.join(cell.parts)}, whole")
    return cell.parts[name]


def _training(
    name: str,
    seed: int,
    fixation: Fixation,
    mirrors: str | None = None,
    *,
    golgi: FloatTriple,
    coverslip: tuple[float, float],
) -> NamedCell:
    parts = {
        "training": Part(middle=(0.0, -0.06, 0.27), size_um=(2.8, 2.8, 2.8)),
        "validation": Part(middle=(0.0, -0.06, -0.29), size_um=(2.0, 2.0, 2.0)),
        **_round_organelles(golgi, coverslip),
    }
    return _named(name, seed, fixation, "training", mirrors, parts)


def _naive(
    name: str,
    seed: int,
    fixation: Fixation,
    mirrors: str | None = None,
    *,
    golgi: FloatTriple,
    coverslip: tuple[float, float],
) -> NamedCell:
    parts = {
        "evaluation": Part(middle=(0.05, -0.06, 0.28), size_um=(2.6, 2.6, 2.6)),
        **_round_organelles(golgi, coverslip),
    }
    return _named(name, seed, fixation, "naive", mirrors, parts)


def _named(
    name: str, seed: int, fixation: Fixation, role: Role, mirrors: str | None, parts: dict[str, Part]
) -> NamedCell:
    """A cell that mirrors none of the paper's is a crowded one. All have half a nucleus, and what lies round it."""
    parts = {**parts, "nucleus": Part(middle=(0.0, -0.035, 0.25), size_um=_NUCLEUS_UM)}
    return NamedCell(
        name=name, seed=seed, fixation=fixation, role=role, mirrors=mirrors, crowded=mirrors is None, parts=parts
    )


def _round_organelles(golgi: FloatTriple, coverslip: tuple[float, float]) -> dict[str, Part]:
    """Where the rare organelles are: round the Golgi, and at the membrane on the coverslip (its middle in z and x)."""
    z, x = coverslip
    return {
        "golgi": Part(middle=golgi, size_um=_GOLGI_UM),
        "coverslip": Part(middle=(z, _COVERSLIP_Y, x), size_um=_COVERSLIP_UM),
    }


CELLS: dict[str, NamedCell] = {
    cell.name: cell
    for cell in (
        _training("cf-1", 101, "CF", "cell 1", golgi=(-0.003, 0.11, -0.264), coverslip=(0.0425, -0.1625)),
        _training("cf-2", 102, "CF", "cell 2", golgi=(0.075, 0.14, 0.081), coverslip=(0.0175, 0.0875)),
        _naive("cf-3", 103, "CF", "cell 3", golgi=(-0.17, -0.074, -0.246), coverslip=(0.0175, -0.0875)),
        _naive("cf-6", 106, "CF", "cell 6", golgi=(-0.279, -0.132, -0.029), coverslip=(-0.0075, 0.0625)),
        _training("hpfs-19", 119, "HPFS", "cell 19", golgi=(0.221, 0.077, -0.13), coverslip=(0.0425, 0.0625)),
        _training("hpfs-20", 120, "HPFS", "cell 20", golgi=(-0.044, -0.143, -0.145), coverslip=(0.0925, 0.0625)),
        _naive("hpfs-21", 121, "HPFS", "cell 21", golgi=(-0.134, -0.022, -0.249), coverslip=(-0.1075, 0.0875)),
        _naive("hpfs-22", 122, "HPFS", "cell 22", golgi=(-0.07, -0.072, 0.212), coverslip=(0.0175, -0.0625)),
        _training("cf-crowded-1", 201, "CF", golgi=(0.208, -0.102, -0.162), coverslip=(-0.025, -0.025)),
        _training("cf-crowded-2", 202, "CF", golgi=(-0.21, -0.161, 0.042), coverslip=(0.025, 0.0)),
        _training("cf-crowded-3", 203, "CF", golgi=(-0.139, 0.013, 0.258), coverslip=(-0.075, -0.125)),
        _training("cf-crowded-4", 204, "CF", golgi=(0.162, -0.204, 0.051), coverslip=(-0.125, 0.05)),
        _naive("cf-crowded-5", 205, "CF", golgi=(-0.184, 0.02, 0.1), coverslip=(0.075, -0.025)),
        _naive("cf-crowded-6", 206, "CF", golgi=(0.108, 0.008, -0.299), coverslip=(0.0, 0.1)),
        _training("hpfs-crowded-1", 211, "HPFS", golgi=(-0.166, 0.1, 0.108), coverslip=(0.0, -0.15)),
        _training("hpfs-crowded-2", 212, "HPFS", golgi=(-0.223, 0.01, -0.19), coverslip=(0.0, 0.025)),
        _training("hpfs-crowded-3", 213, "HPFS", golgi=(-0.22, 0.111, 0.002), coverslip=(0.0, -0.05)),
        _training("hpfs-crowded-4", 214, "HPFS", golgi=(0.172, -0.145, -0.192), coverslip=(-0.05, 0.0)),
        _naive("hpfs-crowded-5", 215, "HPFS", golgi=(0.133, 0.0, 0.209), coverslip=(-0.025, -0.05)),
        _naive("hpfs-crowded-6", 216, "HPFS", golgi=(-0.053, -0.163, -0.231), coverslip=(-0.1, 0.125)),
    )
}
