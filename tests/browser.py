"""A page as a browser sees it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import attrs
import pytest

_PATIENCE_S = 300
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-logging=stderr",
)


@attrs.frozen(kw_only=True)
class Seen:
    """What a browser made of a page."""

    dom: str
    errors: list[str]
    """Of its console."""


def browse(address: str, profile: Path) -> Seen:
    """Open ``address`` with the user profile ``profile``; skips the test where there is no browser."""
    browser = next((b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
    if browser is None:
        pytest.skip("no browser: apt-get install chromium")
    shown = subprocess.run(
        [browser, *_OPTIONS, f"--user-data-dir={profile}", "--virtual-time-budget=5000", "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )
    assert "</html>" in shown.stdout, shown.stderr
    console = re.findall(r"CONSOLE[^\"]*\"(.*)\", source", shown.stderr)
    return Seen(dom=shown.stdout, errors=[line for line in console if re.search("error|failed|violates", line, re.I)])
