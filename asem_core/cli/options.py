"""Types of options and arguments that several verbs share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from asem_core.errors import AsemError
from asem_core.geometry import Triple, VoxelSize, parse_roi, triple
from asem_core.home import expand

_UNITS = {"": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


KIND = click.Choice(["labels", "probabilities"])
"""What a volume holds."""


class _Parsed(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4 only
    """A value that a library class parses."""

    def __init__(self, name: str, parse: Any) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except (AsemError, ValueError) as error:
            self.fail(str(error), param, ctx)


def _parse_bytes(text: str) -> int:
    match = re.fullmatch(r"\s*([0-9.]+)\s*([a-zA-Z]*)\s*", text)
    if not match or match[2].lower() not in _UNITS:
        raise AsemError(f"a size is a number with a unit, such as 4GB or 512MiB; got {text!r}")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _parse_tile(text: str) -> int | Triple:
    try:
        sides = [int(part) for part in text.split(",")]
    except ValueError:
        raise AsemError(
            f"a tile is its side in voxels, such as 232, or z,y,x, such as 168,232,296; got {text!r}"
        ) from None
    return sides[0] if len(sides) == 1 else triple(sides)


class _Local(click.Path):
    """A local path in which ``~`` is the home folder, also where no shell has replaced it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            text = expand(str(value))
        except AsemError as error:
            self.fail(str(error), param, ctx)
        return super().convert(text, param, ctx)


class _Output(_Local):
    """A local path, or a URL as text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if "://" in str(value) else super().convert(value, param, ctx)


def _parse_shard(text: str) -> int | Triple:
    try:
        sides = [int(part) for part in text.split(",")]
        return sides[0] if len(sides) == 1 else triple(sides)
    except (ValueError, AsemError):
        raise AsemError(f"a shard is its side in voxels, such as 256, or z,y,x; got {text!r}") from None


PATH = _Local(path_type=Path)
OUTPUT = _Output(path_type=Path)
"""Where a volume is written: a path, or the URL of a place in a bucket as text."""
FILE = _Local(dir_okay=False, path_type=Path)
FOLDER = _Local(file_okay=False, path_type=Path)
PLACE = _Parsed("path|url", expand)
"""A path or a URL, as text; also what stands for one, such as the id of a model."""


def _parse_grey(text: str) -> Any:
    from asem_core.volume.grey import parse_grey

    return parse_grey(text)


def _parse_weight(text: str) -> float:
    from asem_core.predict import adapt

    if text == "default":
        return adapt.WEIGHT
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1:
        raise AsemError(f"a weight is a number from 0 to 1, or nothing at the end of the command; got {text!r}")
    return weight


WEIGHT = _Parsed("weight", _parse_weight)
ORGANELLE = _Parsed("name|file.yaml", expand)
"""The name of an organelle, or a file that describes one; see `asem_core.organelles`."""
VOXEL_SIZE = _Parsed("z,y,x", VoxelSize.parse)
ALLOW_UNFINISHED = "Also read what is not whole yet, for looking."
"""Help of ``--allow-unfinished``."""
ROI = _Parsed("z0:z1,y0:y1,x0:x1[nm]", parse_roi)
"""Give it to `Volume.part`, which turns nm into voxels."""
TILE = _Parsed("side|z,y,x", _parse_tile)
GREY = _Parsed("LOW:HIGH|auto", _parse_grey)
BYTES = _Parsed("size", _parse_bytes)
OME_VERSION = click.option("--ome-version", type=click.Choice(["0.4", "0.5"]),
                           help="Of OME-Zarr; by default 0.4, with --shard 0.5.")  # fmt: skip
SHARD = click.option("--shard", type=_Parsed("side|z,y,x", _parse_shard), is_flag=False, flag_value="256",
                     metavar="[SIDE|Z,Y,X]", help="Put the chunks of so many voxels a side, by default 256, into one "
                     "file (docs/storage.md).")  # fmt: skip
