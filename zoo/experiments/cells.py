"""The cells of the paper's experiments: simulated ones that are named after them, or its own.

Numbers are the paper's: 1 and 2, chemically fixed, and 19 and 20, frozen, are trained on; 3 and 6, 21 and 22 are naive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from asem_dataset_simulated import Request, simulate_to
from attrs import frozen

from asem_core.datasets.fetch import fetch
from asem_core.datasets.source import block_named, open_dataset
from asem_core.errors import AsemError
from asem_core.geometry import VoxelSize
from asem_core.registry import Registry
from asem_core.volume.unfinished import unfinished_note

CF, HPFS = (1, 2), (19, 20)
NAIVE = {CF: (3, 6), HPFS: (21, 22)}
ALL = (1, 2, 3, 6, 19, 20, 21, 22)
Use = Literal["training", "scored", "fine-tuning"]
Block = Mapping[str, Any]
"""Fields of `asem_core.training.recipe.Data`: ``raw``, ``labels``, and where there are any ``roi`` and ``mask``."""


class Cells(Protocol):
    """Where volumes and labels come from."""

    @property
    def voxel_nm(self) -> float:
        """At which they are trained and scored unless an experiment says otherwise."""

    def name(self, cell: int) -> str:
        """What the cell is called."""

    def blocks(self, cell: int, use: Use, organelle: str, voxel_nm: float) -> Sequence[Block]:
        """What of the cell is there for that use: made, or fetched, where it is missing; none where it cannot be."""


@frozen(kw_only=True)
class Simulated:
    """Cells of `asem simulate`, in ``folder``."""

    folder: Path
    voxel_nm: float = 10.0

    def name(self, cell: int) -> str:
        """As the presets are called."""
        return f"{'cf' if cell < HPFS[0] else 'hpfs'}-{cell}"

    def blocks(self, cell: int, use: Use, organelle: str, voxel_nm: float) -> Sequence[Block]:
        """The training part; the middle of another one; about a cubic micrometre of a naive cell, round its Golgi."""
        naive = any(cell in cells for cells in NAIVE.values())
        part, low, high = {
            "training": ("training", None, None),
            "scored": ("evaluation", 660, 1940) if naive else ("validation", 360, 1640),
            "fine-tuning": ("golgi", 700, 1700),
        }[use]
        volume = simulate_part(self.folder, self.name(cell), part, voxel_nm=voxel_nm)
        whole = {"raw": volume, "labels": volume}
        if low is None or high is None:
            return [whole]
        span = f"{round(low / voxel_nm)}:{round(high / voxel_nm)}"
        return [{**whole, "roi": ",".join([span] * 3)}]


@frozen(kw_only=True)
class Published:
    """The paper's own cells, fetched into ``folder`` as `asem datasets fetch` does.

    Where a block lies is known of some. The others are taken where somebody has put them, under the name that is
    printed: fetched with ``--roi``, or imported from OpenOrganelle with `asem labels cosem`.
    """

    folder: Path
    registry: Registry
    source: str | None = None
    """Folder or address that holds ``cell_1.zarr`` and so on, instead of where they were published."""
    voxel_nm: float = 5.0

    def name(self, cell: int) -> str:
        """As `asem datasets` calls it."""
        return f"cell_{cell}"

    def blocks(self, cell: int, use: Use, organelle: str, voxel_nm: float) -> Sequence[Block]:
        """Its blocks of that role; a naive cell is scored on what the paper validated on."""
        spec = self.registry.datasets[self.name(cell)]
        role = "validation" if use == "scored" else use
        found = []
        for block in spec.blocks:
            if (block.organelle, block.role) != (organelle, role):
                continue
            volume = f"cells/{spec.name}-{block.name}.zarr"
            path = self.folder / volume
            if block.start is not None and (not path.exists() or unfinished_note(str(path))):
                print(f"fetching {volume}", flush=True)
                path.parent.mkdir(parents=True, exist_ok=True)
                uri = None if self.source is None else f"{self.source.rstrip('/')}/{spec.name}.zarr"
                opened = open_dataset(spec, [organelle], uri=uri, registry=self.registry)
                fetch(opened, path, roi=block_named(spec, block.name))
            if path.exists():
                annotated = f"{volume}/labels/annotated"
                mask = {"mask": annotated} if (self.folder / annotated).exists() else {}
                found.append({"raw": volume, "labels": volume, **mask})
            else:
                print(f"left out: {path} is not there, and where {block.name} lies is not published", flush=True)
        return found


def simulate_part(folder: Path, cell: str, part: str, *, voxel_nm: float = 10.0) -> str:
    """A part of a simulated cell, drawn where it is missing; its path in ``folder``."""
    volume = f"cells/{cell}-{part}{'' if voxel_nm == 10 else f'-{voxel_nm:g}nm'}.zarr"
    path = folder / volume
    if not path.exists() or unfinished_note(str(path)):
        print(f"simulating {volume}", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        simulate_to(path, Request(preset=cell, part=part, voxel_size=VoxelSize((voxel_nm, voxel_nm, voxel_nm))))
    return volume


def some(cells: Cells, numbers: Sequence[int], use: Use, organelle: str, voxel_nm: float) -> list[Block]:
    """Blocks of ``numbers``; AsemError where there is none at all."""
    found = [block for cell in numbers for block in cells.blocks(cell, use, organelle, voxel_nm)]
    if not found:
        named = ", ".join(cells.name(cell) for cell in numbers)
        raise AsemError(f"there is no {use} block of {organelle} in {named}: see what was left out above")
    return found
