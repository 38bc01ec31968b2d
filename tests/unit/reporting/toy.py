"""A report with something of everything, to test the page that shows it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from asem_core.reporting.figures import map_3d, new_figure, picture, table
from asem_core.reporting.needs import need_variables
from asem_core.reporting.parts import Card, Figure, Gallery, Number, Report


def report(dataset: xr.Dataset) -> Report:
    """Two plots that can be turned, a picture, a table, three cards."""
    from plotly import graph_objects as plotly

    need_variables(dataset, "size_voxels")
    plot = map_3d([plotly.Scatter3d(x=[0, 1], y=[0, 1], z=[0, 1])], extent_um=(1, 1, 1))
    figure, (axes,) = new_figure()
    axes.plot([0, 1])
    html = {
        "plot": plot,
        "other plot": plot,
        "picture": picture(figure, 'a "line"'),
        "table": table(["a<b"], [["1&2"]]),
    }
    red = np.zeros((4, 5, 3), np.uint8)
    cards = (
        Card(title="one", image=red, quality="good", tags=("whole",), values={"size": 3.0}),
        Card(title="two <i>", lines=("why",), tags=("cut", "it's"), values={"size": np.nan}),
        Card(title="three", image=b"\x89PNG...", tags=("whole",), values={"size": 1.0}),
    )
    return Report(
        title="Toys <b>",
        summary=(Number(label="size", text="4 nm", note="of one"),),
        findings="It is **so** <script>alert(1)</script>",
        figures=tuple(Figure(title=title, caption="see", html=text) for title, text in html.items()),
        galleries=(Gallery(title="All", caption="see", cards=cards),),
        methods="As in [a book](https://example.org/book).",
    )
