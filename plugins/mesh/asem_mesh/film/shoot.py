"""Meshes in, a film out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from asem_core.errors import AsemError
from asem_core.home import local_path
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume import complete_or_absent
from asem_mesh.film.reel import Picture, check_film, write_film
from asem_mesh.film.scene import Scene, open_scene
from asem_mesh.film.sheet import label
from asem_mesh.film.stage import Ground, Stage

Motion = Literal["turntable", "fly-through"]
_SWING = 35.0
"""Degrees to either side that the camera goes during a fly-through."""


def make_movie(
    paths: Sequence[str | Path],
    output: str | Path,
    *,
    motion: Motion = "turntable",
    seconds: float = 10.0,
    frames_per_second: int = 24,
    size: tuple[int, int] = (1280, 720),
    ground: Ground = "dark",
    registry: Registry | None = None,
    progress: Progress = silent,
) -> Path:
    """Film the surfaces at ``paths``.

    Parameters
    ----------
    paths
        Folders that `asem mesh` made, and an image or none, which a fly-through needs.
    output
        MP4 (by the program ffmpeg) or GIF to make.
    motion
        ``"turntable"``: once round the axis y. ``"fly-through"``: a section of the image goes through along z, and the
        surfaces that it has passed stay before it.
    size
        Width and height in pixels, even numbers.
    ground
        Of the picture.

    Raises
    ------
    AsemError
        Something is missing: meshes, the image, pyvista, ffmpeg; a size or length that is none.
    OutputError
        ``output`` exists, or cannot be written.

    Examples
    --------
    >>> make_movie(["mito_meshes", "er_meshes"], "cell.mp4")  # doctest: +SKIP
    """
    destination = local_path(output)
    check_film(destination)
    count = round(seconds * frames_per_second)
    if count < 1 or min(size) < 2 or any(side % 2 for side in size):
        raise AsemError(f"a film has a picture at least, and even sides; got {count} of {size[0]} x {size[1]}")
    scene = open_scene(paths, registry=registry)
    if motion == "fly-through" and scene.image is None:
        raise AsemError("a fly-through needs the image that its section is of: name the volume beside the meshes")
    with (
        complete_or_absent(destination, needed_bytes=0, overwrite=False, inputs=paths) as partial,
        Stage(scene, size=size, ground=ground) as stage,
    ):
        pictures = _pictures(stage, scene, motion, count, ground, progress)
        write_film(partial, pictures, format=destination.suffix, frames_per_second=frames_per_second)
    return destination


def _pictures(
    stage: Stage, scene: Scene, motion: Motion, count: int, ground: Ground, progress: Progress
) -> Iterator[Picture]:
    for number in range(count):
        progress("pictures", number, count)
        if motion == "turntable":
            stage.turn(360 * number / count)
        elif scene.image is not None:
            part = number / max(count - 1, 1)
            stage.turn(_SWING * (2 * part - 1))
            stage.cut(scene.image, part)
        yield label(stage.picture(), scene.surfaces, um_per_pixel=stage.um_per_pixel, ground=ground)
    progress("pictures", count, count)
