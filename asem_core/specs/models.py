"""Trained weights, as packages in a plugin's wheel or as checkpoints that others published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import validators

from asem_core.specs.fields import FloatTriple, positive_triple, three, typed, word
from asem_core.specs.stages import StageRef


@attrs.frozen(kw_only=True, field_transformer=typed)
class TrainedGrey:
    """Grey values of the volumes that a model was trained on, on the 0..255 scale that it is given.

    Of each number the lowest, a middle one (each volume counts by its share of the training) and the highest among
    these volumes, as `asem_core.volume.grey` measures it.
    """

    low: FloatTriple = attrs.field(converter=three)
    """1st percentile."""
    median: FloatTriple = attrs.field(converter=three)
    """50th percentile."""
    high: FloatTriple = attrs.field(converter=three)
    """99th percentile."""
    contrast: FloatTriple = attrs.field(converter=three)
    """Above 0: membranes are dark on a bright ground."""
    volumes: int
    """How many were measured."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class ModelSpec:
    """Trained weights: a bioimage.io package folder inside the plugin's wheel, and what it needs to run."""

    id: str = attrs.field(validator=word)
    """Of the model: ``--model ID``. Once on a machine."""
    version: str
    """Of the weights; ``ID@VERSION`` asks for it."""
    package: str
    """Folder of the package: ``"import_package:folder"``."""
    voxel_size_nm: FloatTriple = attrs.field(validator=positive_triple)
    """Of the images that it is given, z, y, x; other volumes are brought onto that grid."""
    preprocess: tuple[StageRef, ...] = ()
    """Stages, in this order. Those up to the last one with a halo or statistics run over the volume as it is stored and
    give uint8; the others run inside a tile, on float32 on the 0..255 scale."""
    sha256: str
    """Of the ONNX file."""
    int8_sha256: str | None = None
    """Of the same network in 8-bit integers; None: the package has none."""
    licence: str
    """Of the weights, in one line."""
    trained_on: str
    """What the weights have seen, in one line."""
    scores: Mapping[str, float] = attrs.field(factory=dict)
    """Measured ones by name, such as ``f1_with_zone``: of several volumes the lowest."""
    grey: TrainedGrey | None = None
    """What it was trained on; None: not known."""


def packaged_models(package: str, folder: Path) -> tuple[ModelSpec, ...]:
    """The models that a plugin carries: what ``model.json`` in each folder of ``<folder>/models`` says.

    ``package`` is the plugin's import package, ``folder`` its place. ``model.json`` was written together with the
    weights, and its sha256 is compared with them whenever the package is opened. That finds damage: a truncated
    download, a half-updated folder, weights exchanged by mistake. It does not protect against somebody who can write
    into the installed package, and a sha256 in the plugin's own code would not either.
    """
    manifests = sorted((folder / "models").glob("*/model.json"))
    return tuple(_packaged(manifest, package=f"{package}:models/{manifest.parent.name}") for manifest in manifests)


def _packaged(manifest: Path, *, package: str) -> ModelSpec:
    try:
        return model_of(json.loads(manifest.read_text(encoding="utf-8")), package=package)
    except KeyError as error:
        raise ValueError(f"{manifest} lacks {error}: install the plugin again") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{manifest} does not describe a model ({error}): install the plugin again") from None


def model_of(values: Mapping[str, Any], *, package: str) -> ModelSpec:
    """The spec that ``model.json`` holds the plain ``values`` of, for the package that lies at ``package``."""
    stages = tuple(StageRef(**stage) for stage in values["preprocess"])
    size = tuple(float(v) for v in values["voxel_size_nm"])
    grey = values.get("grey") and TrainedGrey(**values["grey"])
    return ModelSpec(
        **{**values, "preprocess": stages, "voxel_size_nm": size, "grey": grey, "package": package},
    )


@attrs.frozen(kw_only=True, field_transformer=typed)
class PublishedScore:
    """What a publication states of a model's accuracy on one volume, fractions of 1; nothing that was measured here."""

    volume: str
    """In words, and whether the model was trained on it."""
    f1: float
    """Harmonic mean of precision and recall."""
    precision: float | None = None
    """True part of what was found; None: not stated."""
    recall: float | None = None
    """Found part of what is true; None: not stated."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class CheckpointSpec:
    """A published checkpoint of the ASEM network: ``asem zoo pull NAME`` fetches it and makes a package of it."""

    name: str = attrs.field(validator=validators.matches_re(r"[\w-]+/[\w.-]+"))
    """``SOURCE/NUMBER``. The package is called ``SOURCE-NUMBER``."""
    uri: str
    """Address of the file."""
    organelle: str = attrs.field(validator=word)
    """What it finds."""
    title: str
    """In words, 5 to 50 letters and digits."""
    voxel_size_nm: FloatTriple = attrs.field(validator=positive_triple)
    """Of the images that it was trained on, z, y, x."""
    fixation: str
    """Of the samples that it was trained on: ``CF`` or ``HPFS``."""
    base: int | None = None
    """Features of the network's top level; another network under this name is refused. None: any."""
    cells: tuple[str, ...] = ()
    """What it was trained on; empty: not known."""
    normalise: tuple[StageRef, ...] = ()
    """Stages that give the network the images it was trained on, before the fixed scale to -1..1."""
    sha256: str | None = None
    """Of the file; None: not published."""
    scores: tuple[PublishedScore, ...] = ()
    """Published ones; empty: none."""
    scores_note: str = ""
    """How the scores were obtained, and of which weights."""
    claims: tuple[str, ...] = ()
    """Where published statements disagree, and what is taken here."""
    known_failures: tuple[str, ...] = ()
    """What it mistakes and misses, in words."""
    licence: str
    """As stated by the source, or that none is stated."""
    citation: str
    """What to cite."""
    doi: str
    """Of that publication."""

    @property
    def model_id(self) -> str:
        """Name of the package."""
        return self.name.replace("/", "-")
