"""The pores where they are, to be turned by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_analysis_pores.surface import envelope
from asem_core.reporting import GREY, map_3d

if TYPE_CHECKING:
    import xarray as xr

Double = npt.NDArray[np.float64]


def map_pores(pores: xr.Dataset) -> str:
    """Measured pores as balls coloured by diameter, the others as crosses, on the envelope through them."""
    points = np.stack([pores[f"{axis}_nm"].values for axis in "zyx"], axis=1) / 1000
    measured = pores.status.values == "measured"
    texts = _texts(pores)
    by_diameter = {
        "color": pores.diameter_nm.values[measured], "colorscale": "Viridis", "showscale": True,
        "colorbar": {"title": {"text": "diameter (nm)"}, "thickness": 12, "len": 0.7},
    }  # fmt: skip
    traces = [
        *_envelopes(points, pores.nucleus.values),
        _points(points[measured], texts[measured], "measured", size=6, **by_diameter),
        _points(points[~measured], texts[~measured], "not measured", size=4, symbol="cross", color=GREY),
    ]
    return map_3d(
        traces, extent_um=np.ptp(points, axis=0)[::-1], alt=f"{len(points)} pores on the envelopes of their nuclei"
    )


def _points(points_um: Double, texts: npt.NDArray[np.object_], name: str, **marker: Any) -> Any:
    from plotly import graph_objects as plotly

    z, y, x = points_um.T
    return plotly.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, name=name, text=texts, hoverinfo="text")


def _texts(pores: xr.Dataset) -> npt.NDArray[np.object_]:
    """What is said of each pore that is pointed at."""
    columns = (pores[name].values for name in ("pore", "status", "diameter_nm", "quality", "flags"))
    found = []
    for number, status, diameter, quality, flags in zip(*columns, strict=True):
        said = f"{diameter:.1f} nm, {quality}" if status == "measured" else status
        found.append("<br>".join(text for text in (f"pore {number}", said, flags) if text))
    return np.array(found, object)


def _envelopes(points_um: Double, nucleus: npt.NDArray[np.int64]) -> list[Any]:
    """A pale surface per nucleus; none where the pores span none."""
    from plotly import graph_objects as plotly

    found = []
    for number in np.unique(nucleus[nucleus > 0]):
        points = points_um[nucleus == number]
        triangles = envelope(points)
        if not len(triangles):
            continue
        (z, y, x), (i, j, k) = points.T, triangles.T
        found.append(
            plotly.Mesh3d(
                x=x,
                y=y,
                z=z,
                i=i,
                j=j,
                k=k,
                color=GREY,
                opacity=0.25,
                hoverinfo="skip",
                name=f"envelope {number}",
                showlegend=True,
                flatshading=True,
            )
        )
    return found
