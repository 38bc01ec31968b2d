"""A stage that was applied, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def stage_text(stage: Mapping[str, Any]) -> str:
    """``NAME (PARAMETER VALUE; ...)``, with widths and volumes as they are on the grid.

    Parameters
    ----------
    stage
        ``name``, ``params`` and, of those that are widths or volumes, ``on_grid`` (`asem_core.grid.reference.on_grid`).

    Examples
    --------
    >>> stage_text({"name": "ring", "params": {"sharp": True, "width": 4},
    ...             "on_grid": {"width": {"voxels": (1, 2, 4), "nm": (20.0, 20.0, 20.0)}}})
    'ring (sharp on; width (1, 2, 4) voxels = (20, 20, 20) nm)'
    """
    grid = stage.get("on_grid", {})
    texts = [f"{name} {_on_grid(grid[name]) if name in grid else _plain(v)}" for name, v in stage["params"].items()]
    return f"{stage['name']} ({'; '.join(texts)})" if texts else str(stage["name"])


def _on_grid(value: Mapping[str, Any]) -> str:
    if "nm3" in value:
        return f"{value['voxels']:g} voxels = {value['nm3']:g} nm^3"
    voxels, nm = (", ".join(f"{n:g}" for n in value[key]) for key in ("voxels", "nm"))
    return f"({voxels}) voxels = ({nm}) nm"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
