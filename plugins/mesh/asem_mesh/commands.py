"""The commands ``asem mesh`` and ``asem movie``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from asem_core.cli import FILE, FOLDER, KIND, PATH, PLACE, VOXEL_SIZE, progress_bar, shared_registry


@click.command()
@click.argument("labels", type=PLACE)
@click.option("-o", "--output", type=PATH, required=True, help="Folder to make.")
@click.option("--format", type=click.Choice(["precomputed", "ply", "obj", "glb", "stl"]), default="precomputed",
              show_default=True, help="precomputed: for neuroglancer, asem view and asem movie.")  # fmt: skip
@click.option("--error-nm", type=float, metavar="NM", help="How far simplifying may move the surface; by default half "
              "the shortest edge of a voxel; 0: not at all.")  # fmt: skip
@click.option(
    "--open", is_flag=True, help="Leave objects open where the volume ends; by default a flat cap closes them."
)
@click.option(
    "--measured", type=FOLDER, metavar="ANALYSIS", help="Folder of asem analyze, whose numbers go with the meshes."
)
@click.option("--organelle", metavar="NAME", help="Whose colour; by default the one that LABELS are named after.")
@click.option("--min-volume-nm3", type=float, default=3375.0, show_default=True, help="Smaller objects are left out.")
@click.option("--threshold", type=float, default=0.5, show_default=True,
              help="A voxel belongs to an object where its probability is at least this.")  # fmt: skip
@click.option("--kind", type=KIND, help="What LABELS hold, where uint8 data does not say it.")
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, where LABELS do not state it.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it is meshes already, with nothing added or edited.")
def mesh(labels: str, *, output: Path, **values: Any) -> None:
    """Make the surface of every object of LABELS: smooth, closed, in nm.

    LABELS are objects with ids, such as those of `asem instances`, or labels or probabilities, whose components are the
    objects, as for `asem analyze objects`. OUTPUT is a folder: a file for each object, named by its id, meshes.csv
    (volume, surface, triangles, error) and mesh.json (what was done).

    \b
    Examples:
      asem mesh mito_instances.zarr/labels/mito_instances -o mito_meshes
      asem mesh er.zarr -o er_meshes --format glb --error-nm 5
      asem view cell.zarr mito_instances.zarr mito_meshes
    """
    from asem_mesh.run import make_meshes

    with progress_bar() as progress:
        made = make_meshes(labels, output, registry=shared_registry(), progress=progress, **values)
    click.echo(f"{made}")
    if made.left_out:
        click.echo(f"note: objects below {values['min_volume_nm3']:g} nm^3, left out: {made.left_out:,}", err=True)


def _size(_: click.Context, __: click.Parameter, value: str) -> tuple[int, int]:
    width, sign, height = value.partition("x")
    if not (sign and width.isdigit() and height.isdigit()):
        raise click.BadParameter(f"a size is WIDTHxHEIGHT in pixels, such as 1280x720; got {value!r}")
    return int(width), int(height)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=PLACE, metavar="PATH...")
@click.option(
    "-o", "--output", type=FILE, required=True, metavar="FILM", help="MP4 (needs the program ffmpeg) or GIF to make."
)
@click.option("--turntable", "motion", flag_value="turntable", default=True, help="Once round the axis y; the default.")
@click.option("--fly-through", "motion", flag_value="fly-through", help="A section of the image goes through along z.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True)
@click.option(
    "--fps", "frames_per_second", type=click.IntRange(1), default=24, show_default=True, help="Pictures a second."
)
@click.option(
    "--size", default="1280x720", show_default=True, metavar="WIDTHxHEIGHT", callback=_size, help="Pixels; even."
)
@click.option("--ground", type=click.Choice(["dark", "light"]), default="dark", show_default=True)
def movie(paths: tuple[str, ...], *, output: Path, **values: Any) -> None:
    """Film surfaces, without a window: turning, or with a section that goes through.

    PATH are folders of `asem mesh`, one for each organelle, and for --fly-through the image. Needs pyvista:
    pip install 'asem-mesh[movie]'.

    \b
    Examples:
      asem movie mito_meshes er_meshes golgi_meshes -o cell.mp4
      asem movie cell.zarr mito_meshes er_meshes --fly-through --seconds 20 -o through.gif --fps 12
    """
    from asem_mesh.film.shoot import make_movie

    with progress_bar() as progress:
        made = make_movie(paths, output, registry=shared_registry(), progress=progress, **values)
    click.echo(f"{made}")
