"""A page as a browser sees it."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

_TRIES = 3
_PATIENCE_S = 100
"""A headless Chromium on a busy machine now and then never ends; started anew it does."""
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
    shown = _run(address, profile, "--dump-dom")
    assert "</html>" in shown.stdout, shown.stderr
    console = re.findall(r"CONSOLE[^\"]*\"(.*)\", source", shown.stderr)
    return Seen(dom=shown.stdout, errors=[line for line in console if re.search("error|failed|violates", line, re.I)])


def photograph(address: str, profile: Path, *, size: tuple[int, int], dark: bool = False) -> npt.NDArray[np.uint8]:
    """``address`` in a window of ``size``, width and height, as RGB ``(y, x, 3)``."""
    picture = profile.with_suffix(".png")
    _run(
        address,
        profile,
        f"--screenshot={picture}",
        "--window-size={},{}".format(*size),
        *(["--blink-settings=preferredColorScheme=0"] if dark else []),
    )
    with Image.open(picture) as image:
        return np.asarray(image.convert("RGB"))


def _run(address: str, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    browser = next((b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
    if browser is None:
        pytest.skip("no browser: apt-get install chromium")
    command = [browser, *_OPTIONS, "--virtual-time-budget=5000", *options, address]

    def anew(number: int) -> subprocess.CompletedProcess[str]:
        own = f"--user-data-dir={profile.with_name(f'{profile.name}-{number}')}"
        return subprocess.run([*command, own], capture_output=True, text=True, timeout=_PATIENCE_S)

    for number in range(_TRIES - 1):
        with suppress(subprocess.TimeoutExpired):
            return anew(number)
    return anew(_TRIES - 1)
