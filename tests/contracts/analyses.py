"""Analyses as a plugin would write them: ``sizes`` returns what it is told to."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
import xarray as xr

from asem_core.analysis import View

RETURNS: dict[str, Any] = {}
"""What `measure` returns next, by variable; tests fill it."""


@attrs.frozen(kw_only=True)
class Params:
    """Parameters of `measure`."""

    skeleton: bool = True
    """Whether lengths are there."""
    mode: Literal["one", "two"] = "one"
    """How."""


def good(others: Any, *, skeleton: bool) -> dict[str, Any]:
    """What `measure` should return of two objects."""
    columns: dict[str, Any] = {
        "voxels": ("thing", np.array([3, 4])),
        "name": ("thing", np.array(["a", "b"])),
        "profile": (("thing", "depth"), np.zeros((2, 5), np.float32)),
        "depth_nm": ("depth", np.arange(5.0)),
    }
    if skeleton:
        columns["length_nm"] = ("thing", np.array([1.0, 2.0]))
    for other in others:
        columns[f"near_{other}"] = ("thing", np.array([True, False]))
    return columns


def measure(view: View, *, params: Params) -> Any:
    if "instead" in RETURNS:
        return RETURNS["instead"]
    columns = {**good(view.others, skeleton=params.skeleton), **RETURNS}
    return xr.Dataset({name: value for name, value in columns.items() if value is not None}, {"thing": [1, 2]})


@attrs.frozen(kw_only=True)
class Clashing:
    threshold: float = 0.5


@attrs.frozen(kw_only=True)
class ClashingAbbreviated:
    json: bool = False


@attrs.frozen(kw_only=True)
class ClashingNegation:
    skeleton: bool = True
    no_skeleton: int = 3


@attrs.frozen(kw_only=True)
class NoOption:
    sizes: tuple[int, int] = (1, 2)


@attrs.frozen(kw_only=True)
class Dangling:
    sizes: "Missing" = 3  # type: ignore[name-defined]  # noqa: F821, UP037


class Plain:
    pass
