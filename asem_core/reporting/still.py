"""A picture of a plot in space, where none can be turned: in print, without WebGL, as a file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_INK = "#808892"
"""Of axes and words: it is read on white and on dark ground."""
_SIZE_IN, _DPI = (9.6, 5.6), 150
_MOST_TICKS = 6
_ZOOM = 0.85
"""Leaves room for the numbers along the axes."""
_POINT_PER_PIXEL = 1.1
"""With which points look as large as those of Plotly."""
_PLOTLY_SIZE = 8
_SYMBOLS: Mapping[str | None, str] = {None: "o", "circle": "o", "cross": "P", "x": "X", "square": "s", "diamond": "D"}


def draw_traces(traces: Sequence[Any]) -> npt.NDArray[np.uint8]:
    """Plotly's ``Scatter3d`` and ``Mesh3d`` as `map_3d` shows them at first: from where x, y and z are large, parallel.

    Traces of other kinds are left out.

    Returns
    -------
    ndarray
        uint8 ``(y, x, 4)``: RGBA, the ground transparent.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, facecolor="none")
    axes: Any = figure.add_axes((0.0, 0.02, 1.0, 0.96), projection="3d", proj_type="ortho", facecolor="none")
    for trace in traces:
        if trace.type == "scatter3d":
            _draw_points(figure, axes, trace)
        elif trace.type == "mesh3d":
            triangles = np.stack([trace.i, trace.j, trace.k], axis=1)
            axes.plot_trisurf(
                trace.x, trace.y, trace.z, triangles=triangles, color=trace.color, alpha=trace.opacity, label=trace.name
            )
    axes.view_init(elev=math.degrees(math.atan(math.sqrt(0.5))), azim=45)
    spans = np.ptp([axes.get_xlim3d(), axes.get_ylim3d(), axes.get_zlim3d()], axis=1)
    axes.set_box_aspect(spans, zoom=_ZOOM)
    for axis, span in zip((axes.xaxis, axes.yaxis, axes.zaxis), spans, strict=True):
        axis.set_major_locator(MaxNLocator(max(1, round(_MOST_TICKS * span / spans.max()))))
        axis.set_pane_color((0, 0, 0, 0))
        axis.line.set_color(_INK)
        axis._axinfo["grid"].update(color=_INK, linewidth=0.3)
    axes.tick_params(colors=_INK, labelsize=8)
    axes.set(xlabel="x (µm)", ylabel="y (µm)", zlabel="z (µm)")
    for label in (axes.xaxis.label, axes.yaxis.label, axes.zaxis.label):
        label.set_color(_INK)
    if len(traces) > 1:
        axes.legend(loc="upper left", frameon=False, labelcolor=_INK, fontsize=9)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba())  # type: ignore[no-untyped-call]


def _draw_points(figure: Any, axes: Any, trace: Any) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    if trace.mode == "lines":
        width = _POINT_PER_PIXEL * (trace.line.width or 2)
        axes.plot(trace.x, trace.y, trace.z, color=trace.line.color, linewidth=width, label=trace.name)
        return
    marker = trace.marker
    symbol = _SYMBOLS.get(marker.symbol, "o")
    side = _POINT_PER_PIXEL * (marker.size or _PLOTLY_SIZE)
    scale = LinearSegmentedColormap.from_list("of the trace", marker.colorscale) if marker.showscale else None
    points = axes.scatter(
        trace.x, trace.y, trace.z, s=side**2, c=marker.color, marker=symbol, cmap=scale, depthshade=False, linewidth=0,
        label=trace.name,
    )  # fmt: skip
    if scale is not None:
        bar = figure.colorbar(points, cax=figure.add_axes((0.88, 0.2, 0.015, 0.6)))
        bar.set_label(marker.colorbar.title.text, color=_INK)
        bar.ax.tick_params(colors=_INK, labelsize=8)
        bar.outline.set_visible(False)
