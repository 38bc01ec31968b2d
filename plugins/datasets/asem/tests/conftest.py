"""N5 as OpenOrganelle stores it, made with tensorstore."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorstore

WriteN5 = Callable[..., Path]


@pytest.fixture
def n5(tmp_path: Path) -> WriteN5:
    """``n5(name, array)``: an N5 data set of ``array`` ``(z, y, x)``; place in nm, z, y, x. N5 counts x, y, z."""

    def write(
        name: str,
        array: npt.NDArray[Any],
        *,
        voxel: tuple[float, float, float] | None = (4, 4, 4),
        offset: tuple[float, float, float] = (0, 0, 0),
    ) -> Path:
        path = tmp_path / name
        metadata = {"dimensions": array.shape[::-1], "blockSize": [16] * 3, "dataType": str(array.dtype),
                    "compression": {"type": "gzip"}}  # fmt: skip
        spec = {"driver": "n5", "kvstore": {"driver": "file", "path": f"{path}/"}, "metadata": metadata, "create": True}
        tensorstore.open(spec).result()[...] = np.ascontiguousarray(array.T)
        if voxel is not None:
            file = path / "attributes.json"
            found = json.loads(file.read_text())
            place = {"resolution": list(voxel[::-1]), "offset": list(offset[::-1])}
            file.write_text(json.dumps(found | place))
        return path

    return write
