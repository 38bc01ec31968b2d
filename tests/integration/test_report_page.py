"""A report as a browser sees it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from asem_core.reporting.figures import interactive
from asem_core.reporting.page import Section, render
from asem_core.reporting.parts import Card, Figure, Gallery, Number, Report

from ..browser import Seen, browse

CHOOSE = """
<script>
const [tag, sort] = document.querySelectorAll("select");
tag.value = "whole"; tag.onchange();
sort.value = "-size"; sort.onchange();
</script>
"""


@pytest.fixture
def page() -> str:
    """A page with a plot that can be turned and a gallery."""
    from plotly import graph_objects as plotly

    plot = interactive(plotly.Figure(plotly.Scatter3d(x=[0, 1], y=[0, 1], z=[0, 1])))
    sizes = {"a": 2.0, "b": np.nan, "c": 5.0, "d": 3.0}
    cards = tuple(
        Card(title=f"pore {name}", tags=("cut" if name == "d" else "whole",), values={"size": size})
        for name, size in sizes.items()
    )
    report = Report(
        title="Toys",
        summary=(Number(label="n", text="4"),),
        figures=(Figure(title="Map", caption="", html=plot),),
        galleries=(Gallery(title="All", caption="", cards=cards),),
    )
    return render([Section(id="toys", report=report, parameters=[], provenance=[])])


def see(html: str, folder: Path) -> Seen:
    (folder / "report.html").write_text(html)
    return browse((folder / "report.html").as_uri(), folder / "profile")


@pytest.mark.slow
def test_a_report_opens_from_disk_and_asks_for_nothing(page: str, tmp_path: Path) -> None:
    seen = see(page.replace("</body>", f"{CHOOSE}</body>"), tmp_path)
    assert not seen.errors
    body = seen.dom.rpartition("</head>")[2]
    assert re.search(r'<div class="gl-container">.*<canvas', body, re.DOTALL)
    assert 'data-title="Download plot' in body
    assert 'data-title="Share' not in body
    cards = re.findall(r'<article class="card "([^>]*)>.*?<h4>pore (.)</h4>', body, re.DOTALL)
    assert [name for attributes, name in cards if "hidden" not in attributes] == ["c", "a", "b"]
    assert [name for attributes, name in cards if "hidden" in attributes] == ["d"]


@pytest.mark.slow
def test_the_browser_stops_what_would_ask_for_more(page: str, tmp_path: Path) -> None:
    """The page forbids it, which is what the other test relies on."""
    asking = '<img src="https://example.org/a.png"><script>fetch("https://example.org/b")</script>'
    seen = see(page.replace("</body>", f"{asking}</body>"), tmp_path)
    assert len([line for line in seen.errors if "example.org" in line]) >= 2
