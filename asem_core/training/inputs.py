"""What a run reads, in digests: by them one that goes on tells whether a file has changed since it began."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

from asem_core.geometry import Box
from asem_core.registry import Registry
from asem_core.training.recipe import Recipe
from asem_core.training.volumes import sources
from asem_core.volume import Volume, scattered_boxes, slabs_of, window
from asem_core.zoo.files import ONNX_NAME, file_sha256
from asem_core.zoo.find import is_path, package_of

_LOOKED_AT = 16
"""Boxes of an image: sections such as TIFF may be read whole for each."""


def digest_inputs(recipe: Recipe, *, folder: Path, registry: Registry) -> dict[str, str]:
    """A digest of every file that ``recipe`` names, by its name there and what it is.

    Labels and masks count voxel by voxel, where they are trained on or scored; an image by a sample of its ROI; the
    package that training starts from by its graph. So a copy of the files counts as the files themselves.

    Raises
    ------
    RecipeError, GeometryError, VolumeError, ModelError
        As `asem_core.training.volumes.open_data`, and as `package_of`.
    """
    found: defaultdict[str, hashlib.blake2b] = defaultdict(lambda: hashlib.blake2b(digest_size=16))
    for data in (*recipe.training, *recipe.validation):
        raw, labels, mask, roi = sources(data, folder=folder, organelle=recipe.organelle, registry=registry)
        image = window(raw, roi)
        _add(found[f"{data.raw} (image)"], image, scattered_boxes(image, _LOOKED_AT))
        _add(found[f"{data.labels} (labels)"], labels, slabs_of(labels))
        if mask is not None:
            _add(found[f"{data.mask} (mask)"], mask, slabs_of(mask))
    if recipe.start is not None and is_path(recipe.start):
        with package_of(recipe.start, registry=registry) as package:
            found[f"{recipe.start} (model)"].update(file_sha256(package / ONNX_NAME).encode())
    return {name: digest.hexdigest() for name, digest in found.items()}


def _add(digest: hashlib.blake2b, volume: Volume, boxes: list[Box]) -> None:
    digest.update(f"{volume.shape} {volume.dtype}".encode())
    for box in boxes:
        digest.update(volume.read(box).tobytes())
