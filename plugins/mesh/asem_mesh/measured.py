"""The tables that go with meshes: what an analysis measured, and what the meshes are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from asem_core.errors import VolumeError

_SUMMARY = "analysis.json"
_OBJECT = "object"
_VOXELS = "voxels"


def read_measured(folder: Path, ids: npt.NDArray[np.int64], voxels: npt.NDArray[np.int64]) -> pd.DataFrame:
    """The table of ``asem analyze`` in ``folder``, a row for each of ``ids``; empty where an object was not measured.

    Parameters
    ----------
    ids, voxels
        Of the objects that are meshed. Those of the table must have as many voxels: components are numbered by what
        else there is, so that one number may be two objects.

    Raises
    ------
    VolumeError
        It is no such folder, has no row for every object, or measured other objects.
    """
    try:
        name = str(json.loads((folder / _SUMMARY).read_text())["analysis"]["name"])
        table = pd.read_csv(folder / f"{name}.csv", index_col=0)
    except (OSError, ValueError, KeyError):
        raise VolumeError(
            f"{folder}: expected a folder that asem analyze made, with {_SUMMARY} and its table"
        ) from None
    if table.index.name != _OBJECT or _VOXELS not in table:
        raise VolumeError(
            f"{folder}: the table of {name} has a row for every {table.index.name}: give one with a row for every "
            f"object and its {_VOXELS}, as asem analyze objects makes"
        )
    if len(ids) and not np.isin(ids, table.index).any():
        raise VolumeError(
            f"{folder}: none of its {len(table):,} objects is among the {len(ids):,} of these labels (the first is "
            f"{ids[0]}): analyse the same labels with asem analyze, or leave --measured out"
        )
    table = table.reindex(ids)
    known = table[_VOXELS].notna().to_numpy()
    other = np.flatnonzero(known & (table[_VOXELS].to_numpy() != voxels))
    if other.size:
        first = int(other[0])
        there = table[_VOXELS].iloc[first]
        raise VolumeError(
            f"{folder} measured other objects: its object {ids[first]} has {there:,.0f} voxels, that of these labels "
            f"{voxels[first]:,}: analyse the same labels at the same --threshold and --min-volume-nm3"
        )
    return table
