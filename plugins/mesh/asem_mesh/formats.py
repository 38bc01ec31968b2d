"""Meshes as files: for other programs, and for neuroglancer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from asem_core.draw import Rgb
from asem_core.errors import VolumeError
from asem_mesh.surface import Mesh

Facts = Mapping[str, Any]
"""What is known of an object: its id and measurements."""
PRECOMPUTED = "precomputed"
_PROPERTIES = "segment_properties"
_NM_PER_UM = 1000.0


def write_mesh(folder: Path, mesh: Mesh, *, format: str, colour: Rgb, facts: Facts) -> None:
    """Write ``mesh`` as a file of ``folder``; ``facts["object"]`` is its name.

    x, y, z in nm; in GLB in um, for programs take its unit for a metre and cut off what is farther than some thousand.
    """
    number = int(facts["object"])
    if format == PRECOMPUTED:
        _write_fragment(folder, number, mesh)
    else:
        (folder / f"{number}.{format}").write_bytes(FORMATS[format](mesh, colour, facts))


def _solid(mesh: Mesh, colour: Rgb, facts: Facts, scale: float = 1.0) -> Any:
    from trimesh import Trimesh
    from trimesh.visual import ColorVisuals

    vertices = mesh.vertices_nm[:, ::-1] * scale
    solid = Trimesh(vertices, mesh.faces, process=False, metadata={**_plain(facts), "unit": "nm"})
    solid.visual = ColorVisuals(solid, vertex_colors=np.tile([*colour, 255], (len(vertices), 1)))
    return solid


def _plain(facts: Facts) -> dict[str, Any]:
    """Without what JSON has no number for."""
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in facts.items()}
    return {name: value for name, value in plain.items() if value == value}


def _lines(facts: Facts) -> list[str]:
    return [f"{name} {value}" for name, value in {**_plain(facts), "unit": "nm"}.items()]


def _ply(mesh: Mesh, colour: Rgb, facts: Facts) -> bytes:
    from trimesh.exchange.ply import export_ply

    head, sign, rest = bytes(export_ply(_solid(mesh, colour, facts))).partition(b"element vertex")
    return head + "".join(f"comment {line}\n" for line in _lines(facts)).encode() + sign + rest


def _obj(mesh: Mesh, colour: Rgb, facts: Facts) -> bytes:
    from trimesh.exchange.obj import export_obj

    return str(export_obj(_solid(mesh, colour, facts), header="\n".join(_lines(facts)), write_texture=False)).encode()


def _stl(mesh: Mesh, colour: Rgb, facts: Facts) -> bytes:
    from trimesh.exchange.stl import export_stl

    return bytes(export_stl(_solid(mesh, colour, facts)))


def _glb(mesh: Mesh, colour: Rgb, facts: Facts) -> bytes:
    from trimesh import Scene
    from trimesh.exchange.gltf import export_glb
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    solid = _solid(mesh, colour, facts, scale=1 / _NM_PER_UM)
    solid.metadata["unit"] = "um"
    solid.visual = TextureVisuals(
        material=PBRMaterial(baseColorFactor=[*colour, 255], metallicFactor=0.0, roughnessFactor=0.6)
    )
    return bytes(export_glb(Scene({str(facts["object"]): solid}), include_normals=True))


FORMATS: Mapping[str, Callable[[Mesh, Rgb, Facts], bytes]] = {"ply": _ply, "obj": _obj, "glb": _glb, "stl": _stl}


def _write_fragment(folder: Path, number: int, mesh: Mesh) -> None:
    """As neuroglancer's legacy format has it: a list of fragments, and the only one."""
    (folder / f"{number}:0").write_text(json.dumps({"fragments": [f"{number}.mesh"]}))
    vertices = mesh.vertices_nm[:, ::-1].astype("<f4")
    content = [np.array([len(vertices)], "<u4").tobytes(), vertices.tobytes(), mesh.faces.astype("<u4").tobytes()]
    (folder / f"{number}.mesh").write_bytes(b"".join(content))


def write_precomputed_info(folder: Path, table: pd.DataFrame) -> None:
    """What makes a folder of fragments a mesh source: its kind, and the numbers of each object.

    Parameters
    ----------
    table
        One row per object, its index the ids.
    """
    info = {"@type": "neuroglancer_legacy_mesh", "segment_properties": _PROPERTIES}
    (folder / "info").write_text(json.dumps(info))
    inline = {"ids": [str(number) for number in table.index], "properties": _properties(table)}
    stated = {"@type": "neuroglancer_segment_properties", "inline": inline}
    (folder / _PROPERTIES).mkdir()
    (folder / _PROPERTIES / "info").write_text(json.dumps(stated, allow_nan=False))


def _properties(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The columns that say anything; those of booleans together, since there may be one property of tags."""
    told = table.dropna(axis="columns", how="all")
    flags, others = told.select_dtypes(bool), told.select_dtypes(exclude=bool)
    tags = {
        "id": "tags", "type": "tags", "tags": list(flags),
        "values": [np.flatnonzero(row).tolist() for row in flags.to_numpy()],
    }  # fmt: skip
    return [*(_property(str(name), column) for name, column in others.items()), tags]


def _property(name: str, column: pd.Series[Any]) -> dict[str, Any]:
    """Numbers; text where a value is missing, for which JSON has no number."""
    if column.dtype.kind in "iuf" and np.isfinite(column).all():
        values = [float(np.float32(value)) for value in column]
        return {"id": name, "type": "number", "data_type": "float32", "values": values}
    return {"id": name, "type": "string", "values": [_text(value) for value in column]}


def _text(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def read_precomputed(folder: Path, number: int) -> Mesh:
    """The mesh of the object ``number``, as `write_mesh` wrote it.

    Raises
    ------
    VolumeError
        There is none.
    """
    try:
        names = json.loads((folder / f"{number}:0").read_text())["fragments"]
        contents = [(folder / name).read_bytes() for name in names]
    except (OSError, ValueError, KeyError) as error:
        raise VolumeError(f"{folder}: has no mesh of the object {number}: {error}") from None
    vertices: list[Any] = []
    faces: list[Any] = []
    for content in contents:
        count = int(np.frombuffer(content, "<u4", 1)[0])
        faces.append(np.frombuffer(content, "<u4", offset=4 + 12 * count).reshape(-1, 3) + sum(map(len, vertices)))
        vertices.append(np.frombuffer(content, "<f4", 3 * count, 4).reshape(-1, 3)[:, ::-1])
    return Mesh(vertices_nm=np.concatenate(vertices).astype(np.float64), faces=np.concatenate(faces).astype(np.int64))
