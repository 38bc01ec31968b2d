"""Labels in, a folder of meshes out, complete or absent."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import pandas as pd

from asem_core.analysis import Numbered, View, number_objects, open_view
from asem_core.blocks import Threads, map_blocks
from asem_core.draw import hex_colour, organelle_colour
from asem_core.errors import BudgetError, OutputError, VolumeError
from asem_core.geometry import Triple, VoxelSize
from asem_core.home import local_path
from asem_core.memory import available_memory
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume import (
    Replaceable,
    Volume,
    absolute,
    complete_or_absent,
    is_as_written,
    provenance,
    record_contents,
)
from asem_mesh.formats import PRECOMPUTED, write_mesh, write_precomputed_info
from asem_mesh.measured import read_measured
from asem_mesh.pieces import Pieces, cut_surfaces
from asem_mesh.simplify import simplify
from asem_mesh.smooth import smooth
from asem_mesh.surface import Frame, Mesh, areas_nm2, enclosed_nm3, is_closed, to_mesh

SUMMARY = "mesh.json"
"""What was made of what: provenance, format, colour, where the volume lies, how many objects."""
TABLE = "meshes.csv"
"""A row for each object."""
Format = Literal["precomputed", "ply", "obj", "glb", "stl"]
BLOCK: Triple = (128, 128, 128)
_BYTES_PER_TRIANGLE = 750
"""Of an object's surface, from marching cubes on, while it is smoothed, simplified and compared: 540 to 700."""
_MADE_BY = "asem mesh"
_MESHES = Replaceable(name="meshes", recognise=lambda path: is_as_written(path, made_by=_MADE_BY))


@attrs.frozen(kw_only=True)
class Meshes:
    """What `make_meshes` made."""

    folder: Path
    organelle: str
    table: pd.DataFrame
    """A row for each object, as in ``meshes.csv``; its index is the id."""
    left_out: int
    """Objects that were smaller than asked for."""

    def __str__(self) -> str:
        count = len(self.table)
        triangles = int(self.table.mesh_triangles.sum())
        return (
            f"{self.folder}: {count:,} object{'' if count == 1 else 's'} of {self.organelle}, {triangles:,} triangles"
        )


@attrs.frozen(kw_only=True)
class _Wanted:
    """How a surface is made."""

    format: Format
    error_nm: float
    open: bool
    organelle: str


def make_meshes(
    labels: Volume | str | Path,
    output: str | Path,
    *,
    format: Format = "precomputed",
    error_nm: float | None = None,
    open: bool = False,
    organelle: str | None = None,
    measured: str | Path | None = None,
    min_volume_nm3: float = 3375.0,
    kind: Literal["labels", "probabilities"] | None = None,
    threshold: float = 0.5,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    registry: Registry | None = None,
    overwrite: bool = False,
    block: Triple = BLOCK,
    progress: Progress = silent,
) -> Meshes:
    """Make the surface of every object of ``labels``.

    Parameters
    ----------
    labels, kind, threshold, voxel_size
        What the objects are, as for `asem_core.analyze`: labels of several values, components of a mask or of a
        probability.
    output
        Folder to make: a file for each object, ``meshes.csv``, ``mesh.json``.
    format
        ``"precomputed"``: for neuroglancer, `asem view` and `asem movie`.
    error_nm
        How far simplifying may move the surface; by default half the shortest edge of a voxel. 0: not at all.
    open
        Whether the mesh of an object that the volume cuts is open there; by default it is closed by a flat cap.
    organelle
        Whose colour it has; by default the name of ``labels``.
    measured
        Folder of `asem analyze`, whose numbers go with the meshes.
    min_volume_nm3
        Smaller objects are left out; the default is that of `asem analyze objects`.
    overwrite
        Whether meshes that are already there are replaced, unless something was added to them or edited in them.
    block
        Voxels per axis that are read at once. No mesh depends on it.

    Raises
    ------
    VolumeError, GeometryError
        As `asem_core.analyze`; the analysis is of other objects.
    BudgetError
        Too little memory for the largest object.
    OutputError
        See `asem_core.volume.complete_or_absent`.

    Examples
    --------
    >>> make_meshes("mito.zarr/labels/mito_instances", "meshes/", format="glb")  # doctest: +SKIP
    """
    if format == PRECOMPUTED and os.name == "nt":
        raise OutputError(
            "files of neuroglancer's meshes have a colon in their names, which Windows refuses: --format glb"
        )
    if error_nm is not None and not error_nm >= 0:
        raise VolumeError(f"the error of a mesh is a length in nm, 0 or more; got {error_nm:g}")
    inputs = [given for given in (labels, measured) if given is not None]
    destination = local_path(output)
    with complete_or_absent(destination, needed_bytes=0, overwrite=overwrite, kind=_MESHES, inputs=inputs) as folder:
        scratch = folder / "scratch"
        scratch.mkdir(parents=True)
        with open_view(
            labels, kind=kind, threshold=threshold, voxel_size=voxel_size, registry=registry, scratch=scratch,
            output=folder, block=block, progress=progress,
        ) as view:  # fmt: skip
            name = organelle or organelle_of(_address(labels))
            error = min(view.voxel_size.zyx) / 2 if error_nm is None else error_nm
            wanted = _Wanted(format=format, error_nm=error, open=open, organelle=name)
            objects = number_objects(view, min_voxels=int(np.ceil(min_volume_nm3 / view.voxel_size.volume_nm3 - 1e-9)))
            known = None if measured is None else read_measured(local_path(measured), objects.ids, objects.voxels)
            pieces = cut_surfaces(view, objects, folder=scratch)
            table = _write_all(folder, view, objects, pieces, wanted, known)
            about = _about(view, wanted, len(table), _address(labels))
        shutil.rmtree(scratch)
        if format == PRECOMPUTED:
            write_precomputed_info(folder, table)
        table.to_csv(folder / TABLE, float_format="%.10g")
        (folder / SUMMARY).write_text(json.dumps(about, indent=2, default=str))
        record_contents(folder, made_by=_MADE_BY)
    return Meshes(folder=destination, organelle=name, table=table, left_out=objects.left_out)


def _write_all(
    folder: Path, view: View, objects: Numbered, pieces: Pieces, wanted: _Wanted, known: pd.DataFrame | None
) -> pd.DataFrame:
    """Write the mesh of every object; the table of them."""

    def write(number: int) -> dict[str, Any]:
        volume = float(objects.voxels[number - 1]) * view.voxel_size.volume_nm3
        mesh, facts = _make(pieces, number, view, volume, wanted)
        row = {"object": int(objects.ids[number - 1]), **facts}
        told = {} if known is None else known.iloc[number - 1].to_dict()
        write_mesh(folder, mesh, format=wanted.format, colour=organelle_colour(wanted.organelle), facts={**told, **row})
        return row

    # The largest first: begun last, one would be waited for by itself.
    numbers = sorted(pieces.places, key=lambda number: (-pieces.triangles(number), number))
    threads = _threads([pieces.triangles(number) for number in numbers], view.objects.uri)
    rows = map_blocks(write, numbers, sweep="meshes", progress=view.progress, executor=threads)
    columns = [field.name for field in attrs.fields(_Facts)]
    table = pd.DataFrame(rows, columns=["object", *columns]).set_index("object").sort_index()
    return table if known is None else table.join(known.loc[table.index])


def _threads(triangles: Sequence[int], uri: str) -> Threads:
    """So many that there is memory for as many of the largest surfaces, of ``triangles``, largest first.

    Raises
    ------
    BudgetError
        There is too little for one.
    """
    needed, free = np.cumsum(triangles, dtype=np.int64) * _BYTES_PER_TRIANGLE, available_memory()
    fitting = int(np.searchsorted(needed, free, side="right"))
    if len(needed) and not fitting:
        gigabytes = [number / 1e9 for number in (needed[0], free)]
        raise BudgetError(
            f"{uri}: the largest surface has {triangles[0] / 1e6:.3g} million triangles and needs about "
            f"{gigabytes[0]:.2g} GB of memory, {gigabytes[1]:.2g} GB are free: mesh a coarser level (of an OME-Zarr, "
            f"{uri.rstrip('/')}/1), or coarser labels (asem convert --resample)"
        )
    return Threads(max(1, min(fitting, Threads().workers)))


@attrs.frozen(kw_only=True)
class _Facts:
    """Columns of ``meshes.csv``."""

    mesh_volume_nm3: float
    mesh_surface_nm2: float
    """Without caps."""
    mesh_triangles: int
    mesh_error_nm: float
    mesh_closed: bool
    mesh_cut: bool
    """Whether the object goes on where the volume ends."""


def _make(pieces: Pieces, number: int, view: View, volume: float, wanted: _Wanted) -> tuple[Mesh, dict[str, Any]]:
    """The mesh of one object, and its columns."""
    piece = pieces.surface(number)
    frame = Frame.of(view.objects)
    rough = to_mesh(piece, voxel_size=view.voxel_size, lower_edge_nm=view.objects.lower_edge_nm)
    full = smooth(rough, frame, voxel_size=view.voxel_size, volume_nm3=volume)
    found = simplify(full, frame, error_nm=wanted.error_nm, spacing_nm=2 * min(view.voxel_size.zyx))
    caps = frame.caps(found.mesh)
    mesh = attrs.evolve(found.mesh, faces=found.mesh.faces[~caps]) if wanted.open else found.mesh
    facts = _Facts(
        mesh_volume_nm3=enclosed_nm3(found.mesh),
        mesh_surface_nm2=float(areas_nm2(found.mesh)[~caps].sum()),
        mesh_triangles=len(mesh.faces),
        mesh_error_nm=found.error_nm,
        mesh_closed=is_closed(mesh),
        mesh_cut=bool(frame.fixed(rough).any()),
    )
    return mesh.compact(), attrs.asdict(facts)


def organelle_of(address: str) -> str:
    """The organelle, by the name of its labels.

    >>> organelle_of("results/mito.zarr/labels/mito_instances")
    'mito'
    """
    return address.rstrip("/").rpartition("/")[2].partition(".")[0].removesuffix("_instances")


def _address(labels: Volume | str | Path) -> str:
    return labels.uri if isinstance(labels, Volume) else absolute(labels)


def _about(view: View, wanted: _Wanted, count: int, address: str) -> dict[str, Any]:
    return {
        **provenance(_MADE_BY, view.objects),
        "labels": address,
        "organelle": wanted.organelle,
        "colour": hex_colour(organelle_colour(wanted.organelle)),
        "format": wanted.format,
        "objects": count,
        "error_nm": wanted.error_nm,
        "open": wanted.open,
        "kind": view.kind,
        "threshold": view.threshold if view.kind == "probabilities" else None,
        "voxel_size_nm": view.voxel_size.zyx,
        "box_nm": view.box.to_nm(view.voxel_size, origin_nm=view.objects.lower_edge_nm),
    }
