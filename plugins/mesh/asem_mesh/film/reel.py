"""Pictures as a film: MP4 by the program ffmpeg, GIF by Pillow."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from asem_core.errors import AsemError

Picture = npt.NDArray[np.uint8]
SUFFIXES = (".mp4", ".gif")


def check_film(path: Path) -> None:
    """Raise `AsemError` where a film cannot be written as ``path``."""
    if path.suffix not in SUFFIXES:
        raise AsemError(f"{path}: a film is an MP4 or a GIF; name it NAME.mp4 or NAME.gif")
    if path.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise AsemError(f"{path}: MP4 needs the program ffmpeg (apt-get install ffmpeg); without it, name it NAME.gif")


def write_film(path: Path, pictures: Iterable[Picture], *, format: str, frames_per_second: int) -> None:
    """Write ``pictures`` ``(y, x, 3)``, of one size with even sides, as ``format``, ``".mp4"`` or ``".gif"``."""
    if format == ".gif":
        images = (Image.fromarray(picture).quantize(128, dither=Image.Dither.NONE) for picture in pictures)
        next(images).save(path, "GIF", save_all=True, append_images=images, duration=1000 / frames_per_second, loop=0)
        return
    rest = iter(pictures)
    first = next(rest)
    command = [
        "ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
        "-s", f"{first.shape[1]}x{first.shape[0]}", "-r", f"{frames_per_second}", "-i", "-",
        "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", str(path),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            for picture in chain([first], rest):
                process.stdin.write(np.ascontiguousarray(picture).tobytes())
            process.stdin.close()
        except BrokenPipeError:
            pass  # it says below why it ended
        said = process.stderr.read().decode() if process.stderr else ""
    if process.returncode:
        raise AsemError(f"ffmpeg could not write the film: {said.strip() or process.returncode}")
