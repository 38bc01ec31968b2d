"""Where the objects lie: a map that can be turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from asem_analysis_pits.classes import CLASSES
from asem_analysis_pits.figures import COLOURS
from asem_core.reporting import GREY, map_3d

if TYPE_CHECKING:
    import xarray as xr

_WAY_NM = 150.0
"""Length of the line out of a pit."""


def map_pits(pits: xr.Dataset) -> str:
    """A point per object, in the colour of its class; from a pit a line leads out of the cell."""
    from plotly.graph_objects import Scatter3d

    place = np.stack([pits[f"{axis}_nm"].values for axis in "xyz"], axis=1) / 1000
    out = np.stack([pits[f"normal_{axis}"].values for axis in "xyz"], axis=1) * _WAY_NM / 1000
    traces = []
    for name in (*CLASSES, ""):
        rows = np.flatnonzero(pits["class"].values == name)
        if len(rows):
            traces.append(
                Scatter3d(
                    x=place[rows, 0],
                    y=place[rows, 1],
                    z=place[rows, 2],
                    mode="markers",
                    name=name or "not classified",
                    marker={"size": 5, "color": COLOURS.get(name, GREY)},
                    hovertemplate="%{text}<extra></extra>",
                    text=[_words(pits.isel(pit=row)) for row in rows],
                )
            )
    known = np.isfinite(out).all(axis=1)
    if known.any():
        gap = np.full_like(place[known], np.nan)
        ways = np.stack([place[known], place[known] + out[known], gap], axis=1).reshape(-1, 3)
        traces.append(
            Scatter3d(
                x=ways[:, 0],
                y=ways[:, 1],
                z=ways[:, 2],
                mode="lines",
                name="way out of the cell",
                hoverinfo="skip",
                line={"color": GREY, "width": 2},
            )
        )
    return map_3d(traces, extent_um=np.ptp(place, axis=0), alt=f"{len(place)} pits and caveolae by class")


def _words(pit: xr.Dataset) -> str:
    names = {"neck": "neck_nm", "height": "height_nm", "width": "width_nm", "major axis": "major_nm",
             "minor axis": "minor_nm", "from the membrane": "distance_nm"}  # fmt: skip
    sizes = [f"{name} {pit[column].item():.0f} nm" for name, column in names.items() if np.isfinite(pit[column].item())]
    return "<br>".join([f"<b>{pit.pit.item()}</b> {pit['class'].item()} {pit.stage.item()}", *sizes])
