"""An analysis that counts voxels, to test what runs analyses."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs
import numpy as np

from asem_core.analysis import View
from asem_core.specs import Output

OUTPUTS = (
    Output(names=("size_voxels",), dtype="int64", text="how many"),
    Output(names=("name",), dtype="str", text="what it is called"),
    Output(names=("profile",), dtype="float64", text="nothing", dims=("object", "depth")),
)
"""What `count` returns."""


@attrs.frozen(kw_only=True)
class Params:
    """All the kinds of parameters."""

    least: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """Smallest number of voxels."""
    factor: float = 1.5
    """Multiplies
    the count."""
    mode: Literal["one", "two"] = "one"
    """How."""
    fill: bool = True
    """Whether."""
    review: Path | None = None
    """A file."""


def count(view: View, *, params: Params):
    import xarray as xr

    sizes = [int(view.mask(box).sum()) for box in view.blocks]
    total = sum(sizes)
    (view.output / "note.txt").write_text(str(total))
    rows = [total] if total > params.least else []
    names = np.array(["whole"] * len(rows), object)
    return xr.Dataset(
        {
            "size_voxels": ("object", np.array(rows, np.int64)),
            "name": ("object", names),
            "profile": (("object", "depth"), np.zeros((len(rows), 3))),
        },
        coords={"object": np.arange(1, len(rows) + 1)},
        attrs={"statistics": {"total": total, "mean": np.nan if params.mode == "two" else None}},
    )


def refuse(view: View, *, params: Params):
    raise AssertionError("not to be run")
