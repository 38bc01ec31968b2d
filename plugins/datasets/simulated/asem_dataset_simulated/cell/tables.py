"""Truth in numbers: one row per pore, per pit and per organelle, in nm in the frame of the cell."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asem_dataset_simulated.cell.draw import View
from asem_dataset_simulated.noise import Double

FOLDER = "tables"
Row = dict[str, Any]


def pore_rows(view: View) -> list[Row]:
    """Pores whose middle lies in the view."""
    return [
        {
            "label": pore.label,
            **_place(pore.centre_nm, pore.normal),
            "diameter_nm": round(pore.diameter_nm, 2),
            "complete": _inside(view, pore.centre_nm, pore.diameter_nm / 2 + 40),
        }
        for pore in view.cell.pores
        if _inside(view, pore.centre_nm, 0)
    ]


def pit_rows(view: View) -> list[Row]:
    """Pits, caveolae and coated vesicles whose middle lies in the view; a vesicle has no neck, height or width."""
    rows = []
    for pit in view.cell.pits:
        if not _inside(view, pit.centre_nm - pit.depth_nm * pit.normal, 0):
            continue
        sizes = pit.measures()
        rows.append(
            {
                "label": pit.label,
                "class": pit.stage.value,
                "coated": pit.coated,
                **_place(pit.centre_nm, pit.normal),
                **{
                    f"{name}_nm": round(sizes[name], 2) if name in sizes else ""
                    for name in ("neck", "height", "width", "major", "minor")
                },
                "complete": _inside(view, pit.centre_nm, pit.reach_nm),
            }
        )
    return rows


def organelle_rows(voxels: Mapping[str, Mapping[int, int]], faces: Mapping[str, set[int]], view: View) -> list[Row]:
    """Size of every labelled object as drawn; ``faces``: which of them are cut off by the edge of the volume."""
    size = float(np.prod(view.voxel_size_nm))
    return [
        {
            "organelle": name,
            "label": label,
            "voxels": count,
            "volume_nm3": round(count * size, 1),
            "complete": label not in faces.get(name, ()),
        }
        for name, counts in voxels.items()
        for label, count in sorted(counts.items())
    ]


def write_tables(folder: Path, tables: Mapping[str, Iterable[Row]]) -> None:
    """Write ``<folder>/<name>.csv`` each; a table without rows has no file."""
    folder.mkdir()
    for name, rows in tables.items():
        if rows := list(rows):
            with (folder / f"{name}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)


def _place(centre: Double, normal: Double) -> Row:
    names = ("z_nm", "y_nm", "x_nm", "normal_z", "normal_y", "normal_x")
    values = [*np.round(centre, 2), *np.round(normal, 5)]
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _inside(view: View, point: Double, margin: float) -> bool:
    low = np.array(view.origin_nm)
    high = low + np.array(view.shape) * np.array(view.voxel_size_nm)
    return bool(np.all(point >= low + margin) and np.all(point <= high - margin))
