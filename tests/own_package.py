"""What tests write of a package of ours beside its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from asem_core.network import LEAST_SIDE, POOLING, TILE_HALO


def write_tiles(folder: Path, *, size: Any = None, halo: Any = TILE_HALO) -> None:
    """Write an ``rdf.yaml`` that says which tiles the graph takes, and no more."""
    size = {"min": LEAST_SIDE, "step": POOLING} if size is None else size
    rdf = {
        "type": "model",
        "inputs": [{"axes": [{"type": "batch"}, *({"type": "space", "id": a, "size": size} for a in "zyx")]}],
        "outputs": [{"axes": [{"type": "batch"}, *({"type": "space", "id": a, "halo": halo} for a in "zyx")]}],
    }
    (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf))
