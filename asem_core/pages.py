"""HTML pages from templates; whatever they are told is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def environment(folder: Path) -> Environment:
    """The templates in ``folder``; a name that is not given to a template is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def markdown(text: str) -> Markup:
    """Markdown as HTML; HTML inside it, which may come from elsewhere, is shown as text.

    Examples
    --------
    >>> str(markdown("*n* < 8 <b>"))
    '<p><em>n</em> &lt; 8 &lt;b&gt;</p>\\n'
    """
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    html = MarkdownIt("js-default").render(text)
    return Markup(html.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>"))
