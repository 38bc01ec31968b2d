"""Volumes as napari layers: multiscale, read when shown, in nanometres at their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from asem_annotate.seed_file import stem
from asem_annotate.viewer.colours import ERRORS, colour_of, hex_of, label_colours, seed_colours
from asem_annotate.write import TRAINING
from asem_core.errors import VolumeError
from asem_core.geometry import AXES, Box, VoxelSize, centre_of_first_voxel
from asem_core.grid import cut, overlap
from asem_core.registry import Registry
from asem_core.volume import Volume, describe, open_labels, open_volume, window, with_levels

LayerData = tuple[Any, dict[str, Any], Literal["image", "labels"]]
"""Data, arguments of the layer, kind: what napari takes."""

INSTANCES = "_instances"
_SAMPLE = 512
"""Voxels a side of the part of a section that the contrast is taken from."""


def layers_of(uri: str | Path, *, registry: Registry) -> list[LayerData]:
    """The image at ``uri`` and the label images beside it.

    Parameters
    ----------
    uri
        Any volume that ASEM reads. One that does not state the size of its voxels is shown in pixels.

    Raises
    ------
    VolumeError
        Nothing that can be read is there.
    """
    try:
        volume, unit = open_volume(uri, registry=registry), "nm"
    except VolumeError:
        volume, unit = open_volume(uri, registry=registry, voxel_size=VoxelSize((1, 1, 1))), "pixel"
    if _holds_labels(volume):
        return [labels_layer(volume, name=stem(volume.uri), registry=registry, unit=unit)]
    found = describe(volume)
    made = found["provenance"] or {}
    names = list(found["labels"])
    predicted = made.get("label_images", names)[:1] if made.get("made_by") == "asem segment" else []
    image = (
        probability_layer(volume, organelle=predicted[0], registry=registry)
        if predicted
        else image_layer(volume, name=stem(volume.uri), registry=registry, unit=unit)
    )
    labels = [_labels_beside(volume, uri, name, registry=registry) for name in names]
    drawn = zip(labels, names, strict=True)
    return [image, *(labels_layer(each, name=name, registry=registry, unit=unit) for each, name in drawn)]


def image_layer(volume: Volume, *, name: str, registry: Registry, unit: str = "nm") -> LayerData:
    """A grey image, with the contrast of its data."""
    levels = with_levels(volume, registry=registry)
    more = {"colormap": "gray", "contrast_limits": contrast(volume)}
    return *_layer(levels, name=name, unit=unit, **more), "image"


def probability_layer(volume: Volume, *, organelle: str, registry: Registry) -> LayerData:
    """A probability map, in the colour of its organelle."""
    levels = with_levels(volume, registry=registry)
    limits = (0, 255) if volume.dtype == np.uint8 else (0, 1)
    more = {"colormap": hex_of(colour_of(organelle)), "contrast_limits": limits, "blending": "additive"}
    return *_layer(levels, name=f"{organelle} probability", unit="nm", **more), "image"


def labels_layer(volume: Volume, *, name: str, registry: Registry, unit: str = "nm") -> LayerData:
    """A label image: of an organelle in its colour, of objects each in another."""
    if name == TRAINING:
        more = {"colormap": seed_colours([""])}
    elif name.endswith(INSTANCES) or volume.dtype.itemsize > 1:
        more = {}
    else:
        more = {"colormap": label_colours(name)}
    return *_layer(with_levels(volume, registry=registry), name=name, unit=unit, **more), "labels"


def errors_layer(predicted: Volume, truth: Volume, *, name: str) -> LayerData:
    """Where a segmentation and the truth agree and differ, voxel by voxel, where both are; computed as it is shown.

    Values are 1 where both have the organelle, 2 where the prediction alone has it, 3 where the truth alone has it.

    Raises
    ------
    GeometryError
        The two do not lie on one grid, or nowhere both.
    """
    box = overlap(predicted, truth)
    found, true = lazily(cut(predicted, truth, box)) != 0, lazily(window(truth, box)) != 0
    codes = (found & true) * np.uint8(1) + (found & ~true) * np.uint8(2) + (~found & true) * np.uint8(3)
    more = {"name": name, "colormap": ERRORS, "opacity": 0.6, **placed(truth, box=box)}
    return codes.astype(np.uint8), more, "labels"


def placed(volume: Volume, *, box: Box | None = None, unit: str = "nm") -> dict[str, Any]:
    """Scale, place and unit of a layer of ``box`` of ``volume``: napari, too, places voxels by their centres."""
    lower, _ = (box or volume.box).to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
    return {
        "scale": volume.voxel_size.zyx,
        "translate": centre_of_first_voxel(lower, volume.voxel_size),
        "units": (unit,) * len(AXES),
        "axis_labels": AXES,
    }


def contrast(volume: Volume) -> tuple[float, float]:
    """Grey levels for black and white: the 0.5th and 99.5th percentile of the middle of the middle section."""
    sides = (1, *(min(n, _SAMPLE) for n in volume.shape[1:]))
    start = [(n - side) // 2 for n, side in zip(volume.shape, sides, strict=True)]
    values = volume.read(Box.of_shape(sides).shift(start)).astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [0.5, 99.5]) if finite.size else (0, 1)
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1)


def lazily(volume: Volume) -> Any:
    """``volume`` as a dask array: napari reads what it shows."""
    import dask.array as da

    meta = np.empty((0, 0, 0), volume.dtype)
    return da.from_array(volume.array, chunks=volume.chunks, name=False, meta=meta, inline_array=True)


def _layer(levels: tuple[Volume, ...], *, name: str, unit: str, **more: Any) -> tuple[Any, dict[str, Any]]:
    data = [lazily(level) for level in levels]
    whole = {"name": name, "metadata": {"asem": levels[0].uri}, **placed(levels[0], unit=unit), **more}
    return (data, {**whole, "multiscale": True}) if len(data) > 1 else (data[0], whole)


def _labels_beside(image: Volume, uri: str | Path, name: str, *, registry: Registry) -> Volume:
    """The label image ``name`` beside ``image``, with its voxel size where it states none."""
    try:
        return open_labels(uri, name, registry=registry)
    except VolumeError:
        return open_labels(uri, name, registry=registry, voxel_size=image.voxel_size)


def _holds_labels(volume: Volume) -> bool:
    """Whether it says so by its place, or holds what no microscope gives."""
    wide = volume.dtype.kind in "ui" and volume.dtype.itemsize > 2
    return "/labels/" in volume.uri or volume.dtype.kind == "b" or wide
