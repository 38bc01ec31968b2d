"""Figures as HTML that needs no other file: pictures, rotatable plots, tables."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_core.reporting.still import draw_traces

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from plotly.graph_objects import Figure as Plot

BLUE, ORANGE, GREY = "#0f5e9c", "#d9822b", "#8a94a0"
"""Colours of the figures: what was measured, what it is compared with, what is beside it."""
_DPI = 100
"""Of the page: 1 in is 100 CSS pixels."""
_PLOT = "plotly-graph-div"
_LEAST_UM = 0.15
"""A map shows at least that much."""


class Drawn(str):
    """A figure as HTML, and the same as a file."""

    suffix: str
    """Of the file."""
    content: bytes

    def __new__(cls, html: str, *, suffix: str, content: bytes) -> Drawn:
        self = super().__new__(cls, html)
        self.suffix, self.content = suffix, content
        return self


def new_figure(columns: int = 1, *, width_in: float = 4.8, height_in: float = 3.2) -> tuple[Figure, list[Axes]]:
    """An empty figure with ``columns`` axes side by side, in the report's manner.

    Half a page is 4.8 in wide, a whole one 9.8 in: give a figure of that width ``wide=True``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    axes = [figure.add_subplot(1, columns, number + 1) for number in range(columns)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def picture(figure: Figure, alt: str) -> str:
    """``figure`` as a PNG of twice the page's resolution, inside the HTML; `report` also writes it as SVG.

    Parameters
    ----------
    alt
        What is to be seen, for those who do not see it.

    Examples
    --------
    >>> figure, (axes,) = new_figure()
    >>> picture(figure, "nothing yet")[:22]
    '<img src="data:image/p'
    """
    label_logarithms(figure)
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=2 * _DPI, facecolor="white")
    figure.savefig(svg, format="svg", metadata={"Date": None})
    width, height = (round(_DPI * inches) for inches in figure.get_size_inches())
    html = f'<img src="{data_uri(png.getvalue())}" width="{width}" height="{height}" alt="{escape(alt)}">'
    return Drawn(html, suffix=".svg", content=svg.getvalue())


def label_logarithms(figure: Figure) -> None:
    """Give logarithmic axes of ``figure`` ticks at 1, 2 and 5 times powers of ten, as plain numbers that keep apart."""
    from matplotlib.ticker import LogLocator, NullLocator

    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) if axis.get_scale() == "log"):
        low, high = sorted(axis.get_view_interval())
        within_two_decades = high < 100 * low
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if within_two_decades else (1,)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda value, _: f"{value:g}")


def map_3d(
    traces: Sequence[Any], *, extent_um: Sequence[float], still: npt.NDArray[np.uint8] | None = None, alt: str = ""
) -> str:
    """Plotly traces in space, their x, y, z in micrometres: one scale on all axes, and all in view.

    Parameters
    ----------
    extent_um
        Size of what is shown along x, y and z.
    still
        A picture of it, RGBA ``(y, x, 4)`` with its ground transparent: it stands in where nothing can be turned, as in
        print, and `report` also writes it as PNG. By default points, lines and meshes are drawn.
    alt
        What is to be seen in ``still``.

    Notes
    -----
    The plot follows the dark theme, and exists only while it is in view, for a browser does not draw in space at more
    than some places at once. The page holds plotly.js once for all plots.
    """
    from plotly.graph_objects import Figure as Plot

    span = np.maximum(extent_um, _LEAST_UM)
    away = float(1.4 * (span.max() / span.prod() ** (1 / 3)) ** 0.5)
    plot = Plot(list(traces))
    plot.update_layout(
        height=560,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        legend={"x": 0, "y": 1},
        font={"family": "system-ui, sans-serif"},
        scene={
            "aspectmode": "data",
            "camera": {"eye": dict.fromkeys("xyz", away)},
            **{f"{axis}axis": {"title": {"text": f"{axis} (µm)"}} for axis in "xyz"},
        },
    )
    return _with_still(plot, draw_traces(traces) if still is None else still, alt)


def _with_still(plot: Plot, still: npt.NDArray[np.uint8], alt: str) -> str:
    from PIL import Image

    webp, png = io.BytesIO(), io.BytesIO()
    picture = Image.fromarray(still)
    picture.save(webp, "webp", quality=90)
    picture.save(png, "png")
    size = f'width="{still.shape[1]}" height="{still.shape[0]}"'
    content = (plot.to_json() or "").replace("<", "\\u003c")
    html = (
        f'<div class="turn"><img class="still" src="{data_uri(webp.getvalue())}" {size} alt="{escape(alt)}">'
        f'<div class="{_PLOT}"></div><script type="application/json">{content}</script></div>'
    )
    return Drawn(html, suffix=".png", content=png.getvalue())


def is_interactive(html: str) -> bool:
    """Whether ``html`` needs plotly.js."""
    return _PLOT in html


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of text below a heading.

    Examples
    --------
    >>> table(["pore", "nm"], [["1", "92.4"]])
    '<div class="scroll"><table><tr><th>pore<th>nm<tr><td>1<td>92.4</table></div>'
    """
    lines = ["".join(f"<th>{escape(text)}" for text in columns)]
    lines += ["".join(f"<td>{escape(text)}" for text in row) for row in rows]
    return f'<div class="scroll"><table>{"".join(f"<tr>{line}" for line in lines)}</table></div>'


def data_uri(content: bytes) -> str:
    """A PNG, JPEG or WebP file as the address of an image."""
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg" if content.startswith(b"\xff\xd8") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
