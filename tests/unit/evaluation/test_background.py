"""The image behind the pictures of a segmentation: what its provenance names, as long as it is the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from asem_core import Box, open_volume
from asem_core.conversion.convert import convert
from asem_core.evaluation.background import raw_behind


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """A raw image, and an OME-Zarr that says that `asem segment` made it from a part of it."""
    raw = zarr.create_array(tmp_path / "raw.zarr", data=np.arange(1000, dtype=np.uint8).reshape(10, 10, 10))
    raw.attrs.update(resolution=[5, 5, 5], offset=[0, 0, 0])
    convert(open_volume(tmp_path / "raw.zarr"), tmp_path / "made.zarr", roi=Box((2, 0, 0), (8, 10, 10)))
    said = tmp_path / "made.zarr" / ".zattrs"
    said.write_text(said.read_text().replace('"asem convert"', '"asem segment"'))
    return tmp_path / "raw.zarr", tmp_path / "made.zarr"


def test_it_is_the_source_while_that_is_as_it_was(made: tuple[Path, Path], registry: Any) -> None:
    path, prediction = made[0], open_volume(made[1])
    raw, said = raw_behind(prediction, prediction, registry=registry)
    assert raw is not None
    assert (raw.uri, said) == (str(path), f"{path}, from which the segmentation was made")
    attributes = path / "zarr.json"
    attributes.write_text(attributes.read_text().replace('"attributes": {', '"attributes": {"more": 1,'))
    assert raw_behind(prediction, prediction, registry=registry) == (None, f"{path} has changed since")
    os.rename(path, path.with_name("elsewhere.zarr"))
    raw, said = raw_behind(prediction, prediction, registry=registry)
    assert raw is None
    assert "there is no such file or folder" in said


def test_what_says_nothing_of_an_image(made: tuple[Path, Path], registry: Any) -> None:
    said = made[1] / ".zattrs"
    said.write_text(said.read_text().replace('"asem segment"', '"asem instances"'))
    for path in made:
        drawn = open_volume(path)
        raw, why = raw_behind(drawn, drawn, registry=registry)
        assert raw is None
        assert "does not say which image `asem segment` made it from" in why
