"""The largest objects of an analysis in space, to be turned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asem_core.analysis import INSTANCES
from asem_core.draw import Rgb, hex_colour, organelle_colour
from asem_core.errors import AsemError
from asem_core.reporting import Figure, map_3d
from asem_mesh.largest.light import Light, light_meshes, open_level
from asem_mesh.largest.still import draw_still
from asem_mesh.run import organelle_of

if TYPE_CHECKING:
    import xarray as xr

MOST = 10
_STILL = (960, 540)
_NM_PER_UM = 1000.0
_LIGHTING = {"ambient": 0.6, "diffuse": 0.65, "specular": 0.2, "roughness": 0.6, "fresnel": 0.1}
_FROM_ABOVE = {"x": 1e5, "y": 1e5, "z": 1e5}
_SHADES = (1.0, 0.72, 0.86)
"""Of the organelle's colour, in turn, so that neighbours can be told apart."""


def draw_largest(folder: Path, dataset: xr.Dataset) -> Figure:
    """The `MOST` largest objects of the analysis in ``folder``, whose table is ``dataset``.

    Raises
    ------
    AsemError
        The analysis kept no ids of voxels.
    """
    address = folder / INSTANCES
    if not address.exists():
        raise AsemError(f"the analysis left no {INSTANCES}: run it without --no-instances")
    rows = dataset.isel(object=np.argsort(-dataset.voxels.values, kind="stable")[:MOST])
    level = open_level(address)
    found = list(light_meshes(level, rows.object.values.tolist()))
    if not found:
        raise AsemError("they are too thin for a level as coarse as a page shows")
    organelle = organelle_of(str(dataset.attrs["asem"]["source"].get("uri", "")))
    colours = [_shade(organelle_colour(organelle), rank) for rank in range(len(found))]
    corners = np.concatenate([each.mesh.vertices_nm for each in found])[:, ::-1] / _NM_PER_UM
    meshes = [each.mesh for each in found]
    return Figure(
        title=f"The {len(found)} largest of {dataset.sizes['object']:,} objects" if len(found) > 1 else "The object",
        caption=_caption(found, level.voxel_size.zyx),
        html=map_3d(
            [_trace(each, colour, rows.sel(object=each.number)) for each, colour in zip(found, colours, strict=True)],
            extent_um=np.ptp(corners, axis=0).tolist(),
            still=draw_still(meshes, colours, size=_STILL),
            alt=f"Surfaces of the objects {', '.join(str(each.number) for each in found)}",
        ),
        wide=True,
    )


def _trace(each: Light, colour: Rgb, row: xr.Dataset) -> Any:
    from plotly.graph_objects import Mesh3d

    x, y, z = (each.mesh.vertices_nm[:, ::-1].T / _NM_PER_UM).astype(np.float32)
    small = np.uint16 if len(x) < 2**16 else np.uint32
    i, j, k = each.mesh.faces.T.astype(small)
    cut = bool(row.touches_border)
    text = f"{each.number}: {row.volume_nm3.item() / _NM_PER_UM**3:.3g} µm³{', cut' if cut else ''}"
    return Mesh3d(
        x=x, y=y, z=z, i=i, j=j, k=k, color=hex_colour(colour), lighting=_LIGHTING,
        lightposition=_FROM_ABOVE, showlegend=True,
        name=f"{each.number}{' (cut)' * cut}", hovertemplate=f"{text}<extra></extra>",
    )  # fmt: skip


def _shade(colour: Rgb, rank: int) -> Rgb:
    red, green, blue = (round(_SHADES[rank % len(_SHADES)] * value) for value in colour)
    return red, green, blue


def _caption(found: list[Light], voxel_nm: tuple[float, float, float]) -> str:
    size = " x ".join(f"{nm:.4g}" for nm in voxel_nm)
    return (
        "Turn it with the mouse or a finger, zoom with the wheel, point at an object for its number and volume; a "
        "click on the legend hides what it names. (cut): a face of the volume cuts the object. Surfaces from voxels of "
        f"{size} nm, simplified for this page, by which none moved more than {max(e.error_nm for e in found):.2g} nm."
    )
