"""The tables that go with meshes: what an analysis measured, and what the meshes are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from asem_core.errors import VolumeError

_SUMMARY = "analysis.json"


def read_measured(folder: Path, ids: npt.NDArray[np.integer[np.typing.NBitBase]]) -> pd.DataFrame:
    """The table of ``asem analyze`` in ``folder``, a row for each of ``ids``; empty where an object was not measured.

    Raises
    ------
    VolumeError
        It is no such folder, or none of its objects is among ``ids``.
    """
    try:
        name = str(json.loads((folder / _SUMMARY).read_text())["analysis"]["name"])
        table = pd.read_csv(folder / f"{name}.csv", index_col=0)
    except (OSError, ValueError, KeyError):
        raise VolumeError(
            f"{folder}: expected a folder that asem analyze made, with {_SUMMARY} and its table"
        ) from None
    if len(ids) and not np.isin(ids, table.index).any():
        raise VolumeError(
            f"{folder}: none of its {len(table):,} objects is among the {len(ids):,} of these labels (the first is "
            f"{ids[0]}): analyse the same labels with asem analyze, or leave --measured out"
        )
    return table.reindex(ids)
