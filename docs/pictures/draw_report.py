"""Draws report_pores.png: the beginning of a report beside its gallery, as Chromium shows them.

python docs/pictures/draw_report.py report.html docs/pictures/report_pores.png
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

WIDTH, COLUMN = 1160, 1700
STARTS = (0, 2600)
"""Where the columns begin on the page: at its top, and at the gallery."""


def shoot(page: Path, picture: Path, profile: str) -> None:
    """The page down to the end of the second column, as PNG."""
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
         "--hide-scrollbars", f"--window-size={WIDTH},{max(STARTS) + COLUMN}", "--virtual-time-budget=8000",
         f"--user-data-dir={profile}", f"--screenshot={picture}", page.resolve().as_uri()],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip


def draw(page: str, picture: str) -> None:
    """Put both columns side by side, at half their size."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        shoot(Path(page), shot, folder)
        image = Image.open(shot).convert("RGB")
    both = Image.new("RGB", (2 * WIDTH, COLUMN))
    for column, top in enumerate(STARTS):
        both.paste(image.crop((0, top, WIDTH, top + COLUMN)), (column * WIDTH, 0))
    small = both.resize((WIDTH, COLUMN // 2), Image.Resampling.LANCZOS)
    small.quantize(kmeans=5, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    draw(*sys.argv[1:])
