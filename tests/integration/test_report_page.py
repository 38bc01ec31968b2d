"""A report as a browser sees it."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from asem_core.reporting.figures import map_3d
from asem_core.reporting.page import Section, render
from asem_core.reporting.parts import Card, Figure, Gallery, Number, Report

from ..browser import Seen, browse, photograph

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

    plot = map_3d([plotly.Scatter3d(x=[0, 1], y=[0, 1], z=[0, 1])], extent_um=(1, 1, 1))
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


@pytest.fixture
def solid() -> str:
    """A page with an orange solid that can be turned, whose still picture is blue."""
    from plotly.graph_objects import Mesh3d

    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 3)], np.float32)
    i, j, k = np.array([(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)], np.uint16).T
    x, y, z = corners.T
    trace = Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, color="#e69f00", name="7</script>", showlegend=True)
    still = np.full((90, 160, 4), (0, 0, 255, 255), np.uint8)
    html = map_3d([trace], extent_um=(1, 1, 3), still=still, alt="a solid")
    report = Report(title="Solids", summary=(), figures=(Figure(title="Solid", caption="", html=html, wide=True),))
    return render([Section(id="solids", report=report, parameters=[], provenance=[])])


DRAG = """
<script>
setTimeout(() => {
  const plot = document.querySelector(".plotly-graph-div"), scene = plot._fullLayout.scene._scene;
  const {left, top, width, height} = scene.glplot.canvas.getBoundingClientRect();
  const send = (kind, x, buttons) => scene.glplot.canvas.dispatchEvent(new MouseEvent(kind, {
    clientX: left + width / 2 + x, clientY: top + height / 2, buttons, bubbles: true, cancelable: true,
  }));
  document.body.dataset.before = JSON.stringify(scene.getCamera().eye);
  send("mousedown", 0, 1);
  for (const x of [20, 40, 60, 80]) setTimeout(() => send("mousemove", x, 1), 5 * x);
  setTimeout(() => send("mouseup", 80, 0), 500);
  setTimeout(() => { document.body.dataset.after = JSON.stringify(scene.getCamera().eye); }, 1000);
}, 2000);
</script>
"""


@pytest.mark.slow
def test_a_solid_is_turned_by_the_mouse(solid: str, tmp_path: Path) -> None:
    seen = see(solid.replace("</body>", f"{DRAG}</body>"), tmp_path)
    assert not seen.errors
    assert '<div class="turn live">' in seen.dom
    before, after = (
        np.array(list(json.loads(unescape(re.findall(f'data-{when}="([^"]*)"', seen.dom)[0])).values()))
        for when in ("before", "after")
    )
    assert np.linalg.norm(before - after) > 0.2


@pytest.mark.slow
def test_a_solid_is_drawn_in_both_themes_and_a_picture_stands_in_without_webgl(solid: str, tmp_path: Path) -> None:
    address = tmp_path / "report.html"
    address.write_text(solid)
    light, dark = (
        photograph(address.as_uri(), tmp_path / f"profile{dark}", size=(1000, 1000), dark=dark).astype(int)
        for dark in (False, True)
    )
    for picture in (light, dark):
        red, green, blue = np.moveaxis(picture, -1, 0)
        assert ((red > 120) & (red - blue > 80) & (green - blue > 40)).sum() > 5000
        assert ((blue > 200) & (red < 60)).sum() < 500
    assert np.median(light) > 230
    assert np.median(dark) < 60
    address.write_text(solid.replace('getContext("webgl")', 'getContext("nothing")'))
    red, _, blue = np.moveaxis(photograph(address.as_uri(), tmp_path / "without", size=(1000, 1000)).astype(int), -1, 0)
    assert ((blue > 200) & (red < 60)).sum() > 20_000
