"""The documentation is one site: every page has its place, every link its target, and Sphinx has nothing to say."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from ..once import once

PAGES = ("docs", "docs/decisions")
OTHERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "plugins/**/README.md")
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
TOCTREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)


def text_of(page: Path) -> str:
    """Without what is code, in which a link is none; toctrees stay."""
    blocks = re.compile(r"```([^\n]*)\n.*?```", re.DOTALL)
    return blocks.sub(lambda m: m[0] if m[1] == "{toctree}" else "", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """As GitHub and MyST make them of headings."""
    headings = re.findall(r"^#+ (.*)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def listed(root: Path) -> set[str]:
    """Pages that some toctree names."""
    named = set()
    for page in (root / "docs").glob("*.md"):
        for block in TOCTREE.findall(page.read_text(encoding="utf-8")):
            entries = [line for line in block.splitlines() if line.strip() and not line.startswith(":")]
            for entry in entries:
                named |= {p.relative_to(root / "docs").as_posix() for p in (root / "docs").glob(f"{entry}.md")}
    return named


def test_every_page_is_in_a_toctree(root: Path) -> None:
    pages = {p.relative_to(root / "docs").as_posix() for folder in PAGES for p in (root / folder).glob("*.md")}
    lost = sorted(pages - listed(root) - {"index.md"})
    assert not lost, (
        f"name {', '.join(lost)} in a toctree of docs/tutorials.md, howto.md, reference.md or explanation.md"
    )


def test_every_link_inside_the_repository_leads_somewhere(root: Path) -> None:
    pages = [page for pattern in (*(f"{folder}/*.md" for folder in PAGES), *OTHERS) for page in root.glob(pattern)]
    dead = []
    for page in pages:
        for link in LINK.findall(text_of(page)):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
                dead.append(f"{page.relative_to(root)}: {link}")
    assert len(pages) > 80
    assert not dead


@pytest.fixture(scope="session")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a warning is an error, and so is one of a tutorial that is executed."""
    pytest.importorskip("myst_nb", reason="asem-core[docs] is not installed")

    def build(folder: Path) -> None:
        command = (sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", folder / "doctrees", root / "docs")
        built = subprocess.run([*command, folder / "html"], capture_output=True, text=True)
        assert built.returncode == 0, built.stderr

    return once("site", build, tmp_path_factory) / "html"


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(site: Path) -> None:
    made = ("cli/segment", "api/asem_core", "models/er-10nm", "specs/OrganelleSpec", "files/recipe")
    for page in ("index", *(f"generated/{page}" for page in made)):
        assert (site / f"{page}.html").is_file()


@pytest.mark.slow
def test_the_notebook_shows_what_was_computed(site: Path) -> None:
    page = (site / "notebook.html").read_text(encoding="utf-8")
    told = re.search(r"without zone: precision [\d.]+  recall [\d.]+  F1 ([\d.]+)", page)
    assert told is not None
    assert float(told[1]) > 0.8
    assert page.count("<iframe srcdoc=") == 1
    assert re.search(r"[\d.]+% of the volume is mitochondria", page)


class Page(HTMLParser):
    """What a page of the site leads to, and where one can be led to within it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src") and not re.match(r"[a-z]+:|//", value):
                self.links.add(value)
            if value and name in ("id", "name"):
                self.anchors.add(value)


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    """Those that Sphinx makes too: of menus, commands, names of the API."""
    found = (path for path in site.rglob("*.html") if path.relative_to(site).parts[0] != "_static")  # there: templates
    pages = {path: Page(path) for path in found}
    dead = set()
    for path, page in pages.items():
        for link in page.links:
            name, _, anchor = unquote(link).partition("#")
            target = (path.parent / name.partition("?")[0]).resolve() if name else path
            known = pages.get(target)
            if not target.exists() or (anchor and known is not None and anchor not in known.anchors):
                dead.add(f"{path.relative_to(site)}: {link}")
    assert len(pages) > 150
    assert sum(len(page.links) for page in pages.values()) > 5000
    assert not sorted(dead)
