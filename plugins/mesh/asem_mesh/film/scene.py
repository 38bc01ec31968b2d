"""What a film shows: surfaces by organelle, and an image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.geometry import FloatTriple, triple
from asem_core.registry import Registry
from asem_core.volume import Volume, absolute, open_volume, with_levels
from asem_mesh.formats import PRECOMPUTED, read_precomputed
from asem_mesh.run import SUMMARY
from asem_mesh.surface import Mesh

_MOST_VOXELS = 64 * 10**6


@attrs.frozen(kw_only=True, eq=False)
class Surfaces:
    """All objects of one organelle as one mesh."""

    organelle: str
    colour: tuple[float, float, float]
    """Red, green and blue, 0 to 1."""
    mesh: Mesh


@attrs.frozen(kw_only=True, eq=False)
class Image:
    """A level of an image, in memory."""

    voxels: npt.NDArray[Any]
    volume: Volume
    """The level that they are of."""


@attrs.frozen(kw_only=True, eq=False)
class Scene:
    """What a film shows."""

    surfaces: tuple[Surfaces, ...]
    image: Image | None
    lower_nm: FloatTriple
    """z, y, x of what is shown."""
    upper_nm: FloatTriple


def open_scene(paths: Sequence[str | Path], *, registry: Registry | None = None) -> Scene:
    """Read what lies at ``paths``: folders of `asem mesh`, and an image or none.

    Raises
    ------
    VolumeError
        There are no meshes, or two images; meshes in a format for other programs.
    """
    addresses = [absolute(path) for path in paths]
    folders = [Path(address) for address in addresses if (Path(address) / SUMMARY).is_file()]
    images = [address for address in addresses if Path(address) not in folders]
    if not folders:
        raise VolumeError(
            f"a film needs meshes, and {', '.join(map(str, paths))} has none: make them with asem mesh LABELS -o NAME"
        )
    if len(images) > 1:
        raise VolumeError(f"a film shows one image, got {' and '.join(images)}")
    abouts = [json.loads((folder / SUMMARY).read_text()) for folder in folders]
    edges = np.array([about["box_nm"] for about in abouts])
    return Scene(
        surfaces=tuple(_surfaces(folder, about) for folder, about in zip(folders, abouts, strict=True)),
        image=_image(images[0], registry) if images else None,
        lower_nm=triple(edges[:, 0].min(axis=0).tolist()),
        upper_nm=triple(edges[:, 1].max(axis=0).tolist()),
    )


def _surfaces(folder: Path, about: dict[str, Any]) -> Surfaces:
    if about["format"] != PRECOMPUTED:
        raise VolumeError(
            f"{folder} holds meshes as {about['format']}: a film needs asem mesh {about['labels']} -o NAME"
        )
    ids = json.loads((folder / "segment_properties" / "info").read_text())["inline"]["ids"]
    meshes = [read_precomputed(folder, int(number)) for number in ids]
    offsets = np.cumsum([0, *(len(mesh.vertices_nm) for mesh in meshes)])
    whole = Mesh(
        vertices_nm=np.concatenate([np.zeros((0, 3)), *(mesh.vertices_nm for mesh in meshes)]),
        faces=np.concatenate(
            [np.zeros((0, 3), np.int64), *(m.faces + offset for m, offset in zip(meshes, offsets, strict=False))]
        ),
    )
    red, green, blue = (int(about["colour"][at : at + 2], 16) / 255 for at in (1, 3, 5))
    return Surfaces(organelle=str(about["organelle"]), colour=(red, green, blue), mesh=whole)


def _image(address: str, registry: Registry | None) -> Image:
    volume = open_volume(address, registry=registry)
    level = next((level for level in with_levels(volume, registry=registry) if level.box.size <= _MOST_VOXELS), None)
    if level is None:
        raise VolumeError(
            f"{address}: {volume.box.size:,} voxels are too many for a film: asem convert makes coarser levels"
        )
    return Image(voxels=level.read(level.box), volume=level)
