"""The documentation is one site: every page has its place, every link its target, and Sphinx has nothing to say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = ("docs", "docs/decisions")
OTHERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "plugins/**/README.md")
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
TOCTREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)


def text_of(page: Path) -> str:
    """Without what is code, in which a link is none; toctrees stay."""
    return re.sub(r"```(?!\{)[^\n]*\n.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


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


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="asem-core[docs] is not installed")
    command = (sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", tmp_path / "doctrees", root / "docs")
    built = subprocess.run([*command, tmp_path / "html"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    made = ("cli/segment", "api/asem_core", "models/er-10nm", "specs/OrganelleSpec", "files/recipe")
    for page in ("index", *(f"generated/{page}" for page in made)):
        assert (tmp_path / "html" / f"{page}.html").is_file()
