"""What there is to see at an address: images, probabilities, labels, objects, points, meshes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import attrs
import numpy as np

from asem_core.draw import hex_colour, organelle_colour
from asem_core.errors import VolumeError
from asem_core.geometry import FloatTriple, triple
from asem_core.registry import Registry, make_registry
from asem_core.volume import (
    Volume,
    absolute,
    check_is_labels,
    is_label_image,
    is_remote,
    label_names,
    locate,
    maker,
    measure_grey,
    open_volume,
    pyramid_of,
    remembering,
    scattered_boxes,
    window,
)

Kind = Literal["image", "probabilities", "labels", "objects", "points", "meshes"]

_SUMMARY = "analysis.json"
_MESHES, _PRECOMPUTED = "mesh.json", "precomputed"
_OBJECTS = "_instances"
_PREDICTING = ("asem segment", "asem instances")
"""Verbs whose image is a probability."""
_PLACE = ["z_nm", "y_nm", "x_nm"]
_CHUNKS = 24
"""Read to tell grey from labels and to choose black and white; the picture itself asks for some hundred."""
_SHOWN = 2
"""Label images of an image that are shown at first; where there are more, none is."""
_TOLD = 4
"""Numbers that are told of a point."""


@attrs.frozen(kw_only=True)
class Point:
    """A measured object."""

    id: str
    place_nm: FloatTriple
    """z, y, x."""
    text: str
    """What was measured, in a few words."""


@attrs.frozen(kw_only=True)
class Layer:
    """One thing that can be shown or hidden."""

    name: str
    kind: Kind
    colour: str
    """``#rrggbb``."""
    volume: Volume | None = None
    """Level 0 of an OME-Zarr; None for points and meshes."""
    address: str = ""
    """Of the OME-Zarr image that ``volume`` is of, or of the folder of meshes."""
    grey: tuple[float, float] = (0.0, 255.0)
    """Of images the levels that are shown black and white, of probabilities those that stand for 0 and 1."""
    points: tuple[Point, ...] = ()
    meshes: tuple[str, ...] = ()
    """Ids of the objects whose surfaces there are."""
    box_nm: tuple[FloatTriple, FloatTriple] | None = None
    """Of meshes: edges of the volume that they were made of."""
    shown: bool = True
    """Whether it is switched on at first."""


def find_layers(addresses: Sequence[str | Path], *, registry: Registry | None = None) -> list[Layer]:
    """All that can be shown of ``addresses``: images with their labels, label images, and folders of analyses and of
    meshes.

    Raises
    ------
    VolumeError
        Something else, or a format that no browser reads; the message says what to do.

    Examples
    --------
    >>> [layer.name for layer in find_layers(["mito.zarr"])]  # doctest: +SKIP
    ['mito probability', 'mito']
    """
    registry = registry or make_registry()
    with remembering():
        return _told_apart([layer for each in addresses for layer in _at(absolute(each), registry)])


def _at(address: str, registry: Registry) -> Iterator[Layer]:
    if not is_remote(address) and (Path(address) / _SUMMARY).is_file():
        yield _points(Path(address))
        return
    if not is_remote(address) and (Path(address) / _MESHES).is_file():
        yield _surfaces(Path(address))
        return
    volume = open_volume(address, registry=registry)
    if volume.format != "ome-zarr":
        raise VolumeError(
            f"{address} ({volume.format}): a browser reads OME-Zarr only: asem convert {address} NAME.zarr, then asem "
            "view NAME.zarr"
        )
    pyramid = pyramid_of(locate(address))
    if pyramid is not None:
        raise VolumeError(f"{address} is a level: give {pyramid}: the browser chooses the level itself")
    yield _layer(address, volume)
    names = label_names(address)
    for name in names:
        place = f"{address}/labels/{name}"
        yield attrs.evolve(_layer(place, open_volume(place, registry=registry)), shown=len(names) <= _SHOWN)


def _layer(address: str, volume: Volume) -> Layer:
    name = address.rpartition("/")[2].removesuffix(".zarr")
    if _holds_labels(volume):
        objects = name.endswith(_OBJECTS) or volume.dtype.itemsize > 1
        colour = hex_colour(organelle_colour(name.removesuffix(_OBJECTS)))
        return Layer(name=name, kind="objects" if objects else "labels", colour=colour, volume=volume, address=address)
    organelle = _predicted(address, volume)
    if organelle is not None:
        top = 1.0 if volume.dtype.kind == "f" else 255.0
        return Layer(
            name=f"{organelle} probability", kind="probabilities", colour=hex_colour(organelle_colour(organelle)),
            volume=volume, address=address, grey=(0.0, top),
        )  # fmt: skip
    levels = measure_grey(volume, within=scattered_boxes(volume, _CHUNKS))
    grey = (levels.low, levels.high) if levels.high > levels.low else (levels.low, levels.low + 1)
    return Layer(name=name, kind="image", colour="#ffffff", volume=volume, address=address, grey=grey)


def _holds_labels(volume: Volume) -> bool:
    """What an OME-Zarr says; where it does not, integers wider than a byte are labels unless they look grey."""
    if volume.dtype.kind not in "biu":
        return False
    if is_label_image(locate(volume.uri)):
        return True
    return volume.dtype != np.uint8 and not _looks_grey(volume)


def _looks_grey(volume: Volume) -> bool:
    try:
        for box in scattered_boxes(volume, _CHUNKS):
            check_is_labels(window(volume, box))
    except VolumeError:
        return True
    return False


def _predicted(address: str, volume: Volume) -> str | None:
    """The organelle whose probability the image ``volume`` is; None: it is an image of the microscope."""
    if maker(volume).get("made_by") not in _PREDICTING:
        return None
    return next((name.removesuffix(_OBJECTS) for name in label_names(address)), None)


def _points(folder: Path) -> Layer:
    """The rows of an analysis, where they lie."""
    import pandas as pd  # half a second, which a volume does not need

    about = json.loads((folder / _SUMMARY).read_text())
    name = str(about["analysis"]["name"])
    table = pd.read_csv(folder / f"{name}.csv", index_col=0)
    if not set(_PLACE) <= set(table.columns):
        raise VolumeError(f"{folder}: the analysis {name} states no places (z_nm, y_nm, x_nm): nothing to show")
    told = [c for c in table.columns if c not in _PLACE and table[c].dtype.kind in "iuf" and not c.startswith("axis")]
    points = tuple(
        Point(
            id=str(row[0]),
            place_nm=(float(row[1]), float(row[2]), float(row[3])),
            text=", ".join(f"{c} {v:.4g}" for c, v in zip(told[:_TOLD], row[1 + len(_PLACE) :], strict=True)),
        )
        for row in table[[*_PLACE, *told[:_TOLD]]].itertuples()
    )
    return Layer(name=folder.name, kind="points", colour=hex_colour(organelle_colour(name)), points=points)


def _surfaces(folder: Path) -> Layer:
    """The meshes that ``asem mesh`` made."""
    about = json.loads((folder / _MESHES).read_text())
    if about["format"] != _PRECOMPUTED:
        raise VolumeError(f"{folder} holds meshes as {about['format']}, for other programs: make them for this one by "
                          f"asem mesh {about['labels']} -o NAME, then asem view NAME")  # fmt: skip
    stated = json.loads((folder / "segment_properties" / "info").read_text())
    lower, upper = (triple([float(v) for v in edge]) for edge in about["box_nm"])
    return Layer(
        name=f"{about['organelle']} meshes", kind="meshes", colour=str(about["colour"]), address=str(folder),
        meshes=tuple(map(str, stated["inline"]["ids"])), box_nm=(lower, upper),
    )  # fmt: skip


def _told_apart(layers: Sequence[Layer]) -> list[Layer]:
    """The same with names that occur once: the second ``mito`` is ``mito 2``."""
    seen: dict[str, int] = {}
    found = []
    for layer in layers:
        seen[layer.name] = number = seen.get(layer.name, 0) + 1
        found.append(layer if number == 1 else attrs.evolve(layer, name=f"{layer.name} {number}"))
    return found
