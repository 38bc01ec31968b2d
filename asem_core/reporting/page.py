"""The page: reports in, one HTML file out that needs no other."""

from __future__ import annotations

import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import attrs

from asem_core.pages import environment, markdown
from asem_core.reporting.figures import data_uri, is_interactive
from asem_core.reporting.methods import Parameter
from asem_core.reporting.parts import Card, Gallery, Report

GENERATOR = "asem report"
"""What the page says that it was made by."""
_PHOTO_QUALITY = 85


@attrs.frozen(kw_only=True)
class Section:
    """One analysis on the page."""

    id: str
    """Of its place on the page."""
    report: Report
    parameters: Sequence[Parameter]
    provenance: Sequence[tuple[str, str]]
    source: str = ""
    """Where what was measured lies."""
    paragraph: str = ""
    """Its methods, for a paper."""
    of: str = ""
    """Which of several analyses on the page it is."""
    name: str = ""
    """With which the files of its figures begin."""
    tables: Mapping[str, bytes] = attrs.field(factory=dict)
    """CSV files that go with the page, by name."""

    @property
    def title(self) -> str:
        """What was measured, and of what."""
        return f"{self.report.title}: {self.of}" if self.of else self.report.title


def render(sections: Sequence[Section]) -> str:
    """The page that shows ``sections`` one below the other."""
    from markupsafe import Markup

    templates = environment(Path(__file__).parent)
    templates.filters["markdown"] = markdown
    templates.filters["as_html"] = Markup
    templates.filters["picture"] = _picture_of
    templates.filters["tags"] = _tags
    templates.filters["sorts"] = _sorts
    templates.filters["values"] = _values
    plots = any(is_interactive(figure.html) for section in sections for figure in section.report.figures)
    return templates.get_template("page.html").render(
        sections=sections,
        generator=GENERATOR,
        core_version=version("asem-core"),
        day=datetime.now().astimezone().strftime("%Y-%m-%d"),
        plotly=Markup(_plotly()) if plots else "",
    )


def is_report(path: Path) -> bool:
    """Whether ``path`` is a page that `render` made."""
    try:
        with path.open("rb") as file:
            return f'content="{GENERATOR}"'.encode() in file.read(1000)
    except OSError:
        return False


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    script: str = get_plotlyjs()
    return script


def _picture_of(card: Card) -> str:
    """The card's image as a data URI; arrays become WebP."""
    if isinstance(card.image, bytes):
        return data_uri(card.image)
    from PIL import Image

    assert card.image is not None
    file = io.BytesIO()
    Image.fromarray(card.image).save(file, "webp", quality=_PHOTO_QUALITY)
    return data_uri(file.getvalue())


def _tags(gallery: Gallery) -> Counter[str]:
    """How many cards have each tag, in the order in which tags appear."""
    return Counter(tag for card in gallery.cards for tag in dict.fromkeys(card.tags))


def _sorts(gallery: Gallery) -> Counter[str]:
    return Counter(name for card in gallery.cards for name in card.values)


def _values(card: Card) -> str:
    """As JSON, which has no NaN: what is not known is left out."""
    return json.dumps({name: value for name, value in card.values.items() if math.isfinite(value)})
