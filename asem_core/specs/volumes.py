"""Volumes: their formats, and the published ones with labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from asem_core.specs.fields import (
    FloatTriple,
    Triple,
    distinct_names,
    import_path,
    label_places,
    positive_triple,
    requirements,
    typed,
    whole_triple,
    word,
)


@attrs.frozen(kw_only=True, field_transformer=typed)
class ReaderSpec:
    """A volume format."""

    name: str = attrs.field(validator=word)
    """Of the format; volumes that were opened say it."""
    summary: str
    """What the format is, in a few words, for lists."""
    accepts: str = attrs.field(validator=import_path)
    """``accepts(uri: str) -> bool``: cheap, looks at names and markers only."""
    open: str = attrs.field(validator=import_path)
    """``open(uri: str) -> asem_core.volume.Source``."""
    requires: tuple[str, ...] = attrs.field(default=(), validator=requirements)
    """Import packages that must be installed, with the extra that brings them: ``"tensorstore: asem-core[n5]"``."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class DatasetBlock:
    """A part of a data set that was labelled for one organelle, and what it served for."""

    name: str = attrs.field(validator=word)
    """Of the block, once in its data set."""
    organelle: str = attrs.field(validator=word)
    """What was labelled in it."""
    role: str = attrs.field(validator=validators.in_(("training", "validation", "fine-tuning", "prediction")))
    """What it served for."""
    shape: Triple | None = attrs.field(default=None, validator=validators.optional(whole_triple(1)))
    """Voxels; None where it is not published."""
    start: Triple | None = attrs.field(default=None, validator=validators.optional(whole_triple(0)))
    """First voxel of the block in the data set's image; None where it is not published."""
    ordered: bool = True
    """Whether ``shape`` is known to be z, y, x; False: as the source prints it, order not guaranteed."""
    summary: str = ""
    """What else there is to know of it, in words."""

    def __attrs_post_init__(self) -> None:
        if self.start is not None and (self.shape is None or not self.ordered):
            raise ValueError(f"block {self.name!r} has a start, so it needs a shape in z, y, x order")


@attrs.frozen(kw_only=True, field_transformer=typed)
class DatasetSpec:
    """A volume and its labels: where they are, how they are labelled, under what terms."""

    name: str = attrs.field(validator=word)
    """Of the data set on the command line: ``asem datasets fetch NAME``."""
    uri: str
    """The image, or a container that holds ``image`` and the labels."""
    image: str = ""
    """Path of the image inside ``uri``; empty: what is opened at ``uri`` itself."""
    voxel_size_nm: FloatTriple = attrs.field(validator=positive_triple)
    """Of the image, z, y, x; what is opened states the same, or nothing."""
    labels: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, validator=label_places)
    """Per organelle: ``path`` inside ``uri``, and ``dilate_voxels`` where it differs from the organelle's."""
    blocks: tuple[DatasetBlock, ...] = attrs.field(default=(), validator=distinct_names)
    """Parts of it that were labelled."""
    licence: str
    """Under which terms it may be used."""
    citation: str
    """What to cite where it is used."""
    sha256: str | None = None
    """Of what the image says about itself, as `asem_core.datasets.fetch.source_sha256` computes it."""
    fixation: str | None = None
    """How the sample was fixed: ``CF``, chemically, or ``HPFS``, by high-pressure freezing; None: not known."""
    split: str | None = None
    """What it served for in a publication, in words; None: not known."""
    summary: str = ""
    """What it is, in a few words, for lists."""
