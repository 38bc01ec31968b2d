"""Volumes in a notebook: slices as HTML that needs no server and loads nothing."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
from PIL import Image

from asem_core.draw.colours import Rgb, organelle_colour
from asem_core.draw.paint import Picture, display_shape, fill, grey, outline, resize_mask
from asem_core.errors import AsemError, VolumeError
from asem_core.geometry import AXES, Box
from asem_core.volume.container import with_levels
from asem_core.volume.kind import image_of_labels
from asem_core.volume.opening import as_volume
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from asem_core.registry import Registry

GLANCE_BYTES = 8 * 2**20
"""What is read at most to print a volume: the chunks that three slices lie in."""
SHOWN_VOXELS = 4 * 10**6
"""What `show` reads of a volume at most: all of a level."""
_GLANCE_PIXELS, _PIXELS = 200, 360
_SLICES = 48
"""Along an axis."""
_OPACITY = 0.35
_EXACT: Mapping[str, Any] = {"format": "PNG"}
_SMALL: Mapping[str, Any] = {"format": "JPEG", "quality": 85, "subsampling": 0}
"""Of some hundred pictures of grey noise: a quarter of PNG, and edges of labels keep their colour."""
_PANELS = """<!doctype html><meta charset="utf-8"><style>
body {margin: 0; font: 13px system-ui, sans-serif; color: #202024; background: #fff}
body {display: flex; flex-wrap: wrap; gap: 16px}
figure {margin: 0} img {display: block; image-rendering: pixelated} input {width: 100%; margin: 6px 0 2px}
</style>KEY<script>
for (const [axis, {places, pictures, width, height}] of Object.entries(SLICES)) {
  const figure = document.body.appendChild(document.createElement("figure"));
  const picture = figure.appendChild(new Image(width, height));
  const slider = figure.appendChild(document.createElement("input"));
  const caption = figure.appendChild(document.createElement("figcaption"));
  Object.assign(slider, {type: "range", min: 0, max: places.length - 1, value: places.length >> 1});
  slider.setAttribute("aria-label", axis);
  slider.oninput = () => {
    picture.src = "data:image/jpeg;base64," + pictures[slider.value];
    caption.textContent = `${axis} = ${places[slider.value].toFixed(0)} nm`;
  };
  slider.oninput();
}
</script>"""


@attrs.frozen(kw_only=True)
class Slices:
    """An interactive figure: three slices, with a slider each."""

    html: str
    """A page that stands by itself."""
    height: int
    """Of the figure in pixels, in a notebook."""

    def _repr_html_(self) -> str:
        page = escape(self.html, quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: {self.height}px; border: 0"></iframe>'


def show(
    image: Volume | str | Path,
    labels: Volume | str | Path | Sequence[Volume | str | Path] = (),
    *,
    registry: Registry | None = None,
) -> Slices:
    """Slices of ``image`` along all axes with ``labels`` over them, as a figure in a notebook.

    Parameters
    ----------
    image
        A volume or its address: an image, or labels by themselves.
    labels
        One or several: not 0 where an organelle is. The colour of each is that of the organelle that it is named after.

    Returns
    -------
    Slices
        Shown by the notebook; ``html`` is a page for a browser. The coarsest level that is still sharp on the screen is
        read, 4 million voxels at most of a volume, and at most 48 slices are drawn along an axis.

    Raises
    ------
    VolumeError
        A volume cannot be opened, or it is large and has no coarser levels.

    Examples
    --------
    >>> show("cell.zarr", "mito.zarr/labels/mito")  # doctest: +SKIP
    """
    from asem_core.registry import make_registry

    registry = registry or make_registry()
    several = [labels] if isinstance(labels, Volume | str | Path) else list(labels)
    base, *over = [_small(as_volume(given, registry=registry), registry) for given in (image, *several)]
    stacks = {axis: _stack(base, over, number) for number, axis in enumerate(AXES)}
    page = _PANELS.replace("KEY", _key([volume for volume, _ in over])).replace("SLICES", json.dumps(stacks))
    return Slices(html=page, height=max(stack["height"] for stack in stacks.values()) + 80)


def glance(volume: Volume) -> str:
    """HTML of ``volume``: its line, and its middle slices, of the finest level of which they are not much to read."""
    line = f"<div>{escape(str(volume))}</div>"
    try:
        levels: Sequence[Volume] = with_levels(volume)
    except (AsemError, OSError):
        levels = [volume]
    level = next((level for level in levels if _slice_bytes(level) <= GLANCE_BYTES), None)
    if level is None:
        return line
    try:
        pictures = [_middle(level, axis) for axis in range(3)]
    except (AsemError, OSError):
        return line
    return line + "".join(
        f'<img alt="{axis}" title="{axis}, middle" style="display: inline-block; margin: 4px 8px 0 0" '
        f'src="data:image/png;base64,{_encoded(picture, _EXACT)}">'
        for axis, picture in zip(AXES, pictures, strict=True)
    )


def _slice_bytes(volume: Volume) -> int:
    """What is read for one slice along each axis: whole chunks."""
    return sum(
        math.prod(n for other, n in enumerate(volume.shape) if other != axis)
        * min(volume.chunks[axis], volume.shape[axis])
        * volume.dtype.itemsize
        for axis in range(3)
    )


def _middle(volume: Volume, axis: int) -> Picture:
    start, stop = [0, 0, 0], list(volume.shape)
    start[axis] = volume.shape[axis] // 2
    stop[axis] = start[axis] + 1
    return _picture(volume.read(Box(start, stop)).squeeze(axis=axis), volume, axis, pixels=_GLANCE_PIXELS)


def _small(volume: Volume, registry: Registry) -> tuple[Volume, npt.NDArray[Any]]:
    """The finest level of ``volume`` that is small enough, and its voxels."""
    level = next((level for level in with_levels(volume, registry=registry) if level.box.size <= SHOWN_VOXELS), None)
    if level is None:
        raise VolumeError(
            f"{volume.uri}: {volume.box.size:,} voxels are too many to show and it has no coarser levels: asem convert "
            "makes them, and with --roi a part of it"
        )
    named = attrs.evolve(level, uri=volume.uri)  # what it is called, and whether it holds labels, is said by level 0
    return named, level.read(level.box)


def _stack(
    base: tuple[Volume, npt.NDArray[Any]], over: Sequence[tuple[Volume, npt.NDArray[Any]]], axis: int
) -> dict[str, Any]:
    """The slices along ``axis`` as PNG, where they are in nm, and their size in pixels."""
    volume, voxels = base
    count = min(_SLICES, volume.shape[axis])
    chosen = [int((2 * k + 1) * volume.shape[axis] / (2 * count)) for k in range(count)]
    limits = np.percentile(voxels, [0.5, 99.5]) if not _holds_labels(volume) else None
    pictures = []
    for index in chosen:
        picture = _picture(voxels.take(index, axis), volume, axis, pixels=_PIXELS, limits=limits)
        for other, theirs in over:
            picture = _painted(picture, _at(volume, axis, index, other, theirs), _colour(other))
        pictures.append(picture)
    height, width = pictures[0].shape[:2]
    step, lower = volume.voxel_size.zyx[axis], volume.lower_edge_nm[axis]
    places = [lower + (index + 0.5) * step for index in chosen]
    return {"places": places, "pictures": [_encoded(p, _SMALL) for p in pictures], "width": width, "height": height}


def _at(volume: Volume, axis: int, index: int, other: Volume, theirs: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where ``other`` is not 0 at the voxels of the slice ``index`` of ``volume``."""
    places = []
    for number in range(3):
        ours = np.array([index]) if number == axis else np.arange(volume.shape[number])
        centre = volume.lower_edge_nm[number] + (ours + 0.5) * volume.voxel_size.zyx[number]
        places.append(np.floor((centre - other.lower_edge_nm[number]) / other.voxel_size.zyx[number]).astype(int))
    inside = [(p >= 0) & (p < n) for p, n in zip(places, other.shape, strict=True)]
    found = theirs[np.ix_(*(p.clip(0, n - 1) for p, n in zip(places, other.shape, strict=True)))] != 0
    return np.asarray((found & inside[0][:, None, None] & inside[1][:, None] & inside[2]).squeeze(axis=axis))


def _painted(picture: Picture, mask: npt.NDArray[np.bool_], colour: Rgb) -> Picture:
    shown = resize_mask(mask, (picture.shape[0], picture.shape[1]))
    return outline(fill(picture, shown, colour, opacity=_OPACITY), shown, colour, width=1)


def _picture(
    plane: npt.NDArray[Any], volume: Volume, axis: int, *, pixels: int, limits: npt.NDArray[Any] | None = None
) -> Picture:
    """A slice in square pixels: an image in grey, labels in the organelle's colour."""
    height_nm, width_nm = (v for number, v in enumerate(volume.voxel_size.zyx) if number != axis)
    rows, columns = plane.shape
    shape, _ = display_shape((rows, columns), (height_nm, width_nm), max_height=pixels, max_width=pixels)
    if _holds_labels(volume):
        return _painted(np.full((*shape, 3), 255, np.uint8), plane != 0, _colour(volume))
    return grey(plane, shape, black_white=None if limits is None else (float(limits[0]), float(limits[1])))


def _holds_labels(volume: Volume) -> bool:
    if volume.dtype.kind == "b":
        return True
    try:
        return image_of_labels(volume) is not None
    except (AsemError, OSError):
        return False


def _name(volume: Volume) -> str:
    return volume.uri.rstrip("/").rpartition("/")[2].partition(".")[0].removesuffix("_instances")


def _colour(volume: Volume) -> Rgb:
    return organelle_colour(_name(volume))


def _key(volumes: Sequence[Volume]) -> str:
    """Which colour is what."""
    entries = (f'<span style="color: rgb{_colour(v)}">&#9632;</span> {escape(_name(v))}' for v in volumes)
    return f'<div style="flex-basis: 100%">{" &ensp; ".join(entries)}</div>' if volumes else ""


def _encoded(picture: Picture, how: Mapping[str, Any]) -> str:
    with BytesIO() as file:
        Image.fromarray(picture).save(file, **how)
        return base64.b64encode(file.getvalue()).decode()
