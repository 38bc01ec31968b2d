"""The card of a model: what to know before using it, from text that its makers wrote and from measured facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import validators

from asem_core.errors import ModelError
from asem_core.plain_yaml import read_as
from asem_core.specs import StageRef, TrainedGrey
from asem_core.zoo.write.origin import Imported, Trained, in_words, provenance_line, published_scores, training_text
from asem_core.zoo.write.parity import Parity
from asem_core.zoo.write.stages import FIXED, split_told

_SCORE_KEYS = ("precision", "recall", "f1", "iou")


@attrs.frozen(kw_only=True)
class Citation:
    """What to cite, and where it is found."""

    text: str
    """Authors, title, journal (year)."""
    doi: str | None = None
    """Without ``https://doi.org/``; this or ``url`` is needed."""
    url: str | None = None
    """Where there is no DOI."""

    def __attrs_post_init__(self) -> None:
        if not self.doi and not self.url:
            raise ValueError("a citation needs a doi or a url")

    @property
    def address(self) -> str:
        """The DOI's or the given web address."""
        return f"https://doi.org/{self.doi}" if self.doi else str(self.url)


@attrs.frozen(kw_only=True)
class Card:
    """What the makers of a model say about it: the file ``NAME.card.yaml`` beside its recipe. No numbers of results."""

    title: str = attrs.field()
    """5 to 64 letters, digits, spaces and ``_+-()``, which is bioimage.io's rule."""
    description: str = attrs.field(validator=validators.max_len(512))
    """What it finds, in what, at which voxel size."""
    trained_on: str = attrs.field(validator=validators.min_len(1))
    """First line of the card: what the weights have seen, and under what terms that was."""
    data: tuple[str, ...] = attrs.field(validator=validators.min_len(1))
    """Every volume: where it is from, how it was prepared and labelled, under which terms."""
    licence: str = attrs.field(validator=validators.min_len(1))
    """Of the weights, in one line."""
    licence_spdx: str | None = None
    """SPDX identifier for the package description, where there is one."""
    split: str
    """What was trained on, what validated on, and what the model never saw."""
    known_failures: tuple[str, ...] = attrs.field(validator=validators.min_len(1))
    """What it mistakes and misses, a sentence each."""
    citation: tuple[Citation, ...] = attrs.field(validator=validators.min_len(1))
    """What to cite."""
    authors: tuple[str, ...] = attrs.field(validator=validators.min_len(1))
    """Of the weights."""
    tags: tuple[str, ...] = ()
    """By which bioimage.io's tools find it."""

    @title.validator
    def _allowed(self, _: object, title: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_+\- ()]{5,64}", title):
            raise ValueError(
                f"title must be 5 to 64 letters, digits, spaces and _+-() (bioimage.io's rule), got {title!r}"
            )


@attrs.frozen(kw_only=True)
class ObjectScore:
    """How many objects were found."""

    precision: float
    recall: float
    f1: float
    tp: int
    fp: int
    fn: int


@attrs.frozen(kw_only=True)
class ScoreSet:
    """What ``asem evaluate --json`` measured on one volume."""

    name: str
    """What was scored, in words."""
    with_zone: Mapping[str, float]
    without_zone: Mapping[str, float]
    voxel_size_nm: tuple[float, ...] = ()
    """Grid on which it was scored."""
    objects: Mapping[str, ObjectScore] = attrs.field(factory=dict)
    """Objects matched one to one, by what a match is; empty where only voxels were scored."""
    by: str = "`asem segment` and `asem evaluate`"
    """Who scored it."""


@attrs.frozen(kw_only=True)
class Facts:
    """What was measured or recorded, not written by hand."""

    id: str
    version: str
    organelle: str
    voxel_size_nm: tuple[float, float, float]
    base: int
    parameters: int
    origin: Trained | Imported
    """How the weights came about."""
    onnx_sha256: str
    parity: tuple[Parity, ...]
    scores: tuple[ScoreSet, ...]
    compared: tuple[ScoreSet, ...] = ()
    """Of another training, whose weights are not in the package."""
    grey: TrainedGrey | None = None
    """Grey values of the training volumes; None: not known."""
    date: str
    """``YYYY-MM-DD``."""
    core_version: str
    torch_version: str

    @property
    def stages(self) -> tuple[StageRef, ...]:
        """All that raw, 0..255, goes through before the graph."""
        return (*self.origin.normalise, FIXED)


def load_card(path: Path) -> Card:
    """Read and check a card file.

    Raises
    ------
    ModelError
        The file is no YAML mapping, or a key or value does not belong; the message names each.
    """
    return read_as(path, Card, error=ModelError)


def load_scores(name: str, path: Path) -> ScoreSet:
    """Read what ``asem evaluate --json`` printed.

    Raises
    ------
    ModelError
        The file is not that.
    """
    try:
        document = json.loads(path.read_text())
        zones = {zone: {k: float(document[zone][k]) for k in _SCORE_KEYS} for zone in ("with_zone", "without_zone")}
    except OSError as error:
        raise ModelError(f"cannot read the scores {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not what `asem evaluate --json` prints ({error!r})") from None
    return ScoreSet(
        name=name,
        with_zone=zones["with_zone"],
        without_zone=zones["without_zone"],
        voxel_size_nm=tuple(document.get("voxel_size_nm", ())),
        objects=_object_scores(document),
    )


def _object_scores(document: Mapping[str, Any]) -> dict[str, ObjectScore]:
    found = document.get("objects")
    if not found:
        return {}
    keys = [field.name for field in attrs.fields(ObjectScore)]
    ways = {f"IoU >= {found['at_iou']['iou']:g}": found["at_iou"], "any overlap": found["any_overlap"]}
    return {way: ObjectScore(**{key: score[key] for key in keys}) for way, score in ways.items()}


def flat_scores(scores: tuple[ScoreSet, ...]) -> dict[str, float]:
    """The lowest F1 of any volume, as a `ModelSpec` lists it; empty where nothing was scored."""
    if not scores:
        return {}
    return {
        "f1_with_zone": min(entry.with_zone["f1"] for entry in scores),
        "f1_without_zone": min(entry.without_zone["f1"] for entry in scores),
    }


def card_text(card: Card, facts: Facts) -> str:
    """The card as Markdown."""
    sections = (
        f"{_sentence(card.trained_on)}\n\n# {card.title}\n\n{card.description}",
        _input(facts),
        _data(card),
        training_text(facts.origin, base=facts.base, parameters=facts.parameters),
        _validation(facts),
        "## Known failures\n\n" + _bullets(card.known_failures),
        _use(facts),
        "## Cite\n\n" + _bullets([f"{entry.text} {entry.address}" for entry in card.citation]),
        _provenance(facts),
    )
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _input(facts: Facts) -> str:
    voxel = " x ".join(f"{v:g}" for v in facts.voxel_size_nm)
    return f"""## Input and output

- Model `{facts.id}`, version {facts.version}: {facts.organelle}.
- Voxel size: {voxel} nm (z, y, x). Bring other data to this grid first; ASEM does that by itself.
- Input: one channel, float32, grey values 0..255, membranes dark on a bright ground{_after(facts)}.{_seen(facts.grey)}
  The package's preprocessing{_told(facts)} brings them to -1..1 (gain 2/255, offset -1), which is what `weights.onnx`
  receives.
- Output: one channel, float32, the probability of {facts.organelle} per voxel, same size as the input.
- Every side must be a multiple of 8 and at least 112. The outer 52 voxels on each side are context, not prediction
  (halo 52). A wrong size is not rejected by the graph itself: it gives shifted results."""


def _seen(grey: TrainedGrey | None) -> str:
    if grey is None:
        return ""
    low, median, high = (f"{v[1]:.0f} ({v[0]:.0f} to {v[2]:.0f})" for v in (grey.low, grey.median, grey.high))
    volumes = "1 volume" if grey.volumes == 1 else f"{grey.volumes} volumes"
    return f"""
  Trained on {volumes} with grey values from {low} to {high} (1st and 99th percentile), median {median}: a typical
  volume, in brackets the extremes. `asem segment` warns of others, and `--grey auto` brings them there."""


def _after(facts: Facts) -> str:
    stages = in_words(split_told(facts.stages)[0])
    return f", **after {stages}** (`asem segment` does that by itself; other tools do not)" if stages else ""


def _told(facts: Facts) -> str:
    stages = in_words(split_told(facts.stages)[1][:-1])
    return f" does {stages} and" if stages else ""


def _data(card: Card) -> str:
    return (
        f"## Data and licence\n\n{_bullets(card.data)}\n\nSplit: {card.split}\n\nLicence of the weights: {card.licence}"
    )


def _validation(facts: Facts) -> str:
    if facts.scores:
        by = "; ".join(dict.fromkeys(entry.by for entry in facts.scores))
        scores = f"By {by}, threshold 0.5.\n\n{_score_tables(facts.scores)}"
    elif isinstance(facts.origin, Imported):
        scores = published_scores(facts.origin.spec)
    else:
        scores = "**Not scored yet.** Do not use these weights for conclusions."
    if facts.compared:
        scores += f"\n\nAnother training, whose weights are not in this package:\n\n{_score_tables(facts.compared)}"
    lines = [
        f"{p.candidate} against {p.reference}: largest difference of the probability {p.max_abs_difference:.1e} "
        f"on a cube of {p.side}^3 voxels, fp32"
        for p in facts.parity
    ]
    return f"## Validation\n\n{scores}\n\nAgreement of the runtimes on the same weights:\n\n{_bullets(lines)}"


def _score_tables(scores: tuple[ScoreSet, ...]) -> str:
    voxels = [
        f"| {entry.name}{_grid(entry)} | {label} | " + " | ".join(f"{score[key]:.4f}" for key in _SCORE_KEYS) + " |"
        for entry in scores
        for label, score in (("with", entry.with_zone), ("without", entry.without_zone))
    ]
    head = ["| voxels of | exclusion zone | precision | recall | F1 | IoU |", "|---|---|---|---|---|---|"]
    tables = "\n".join([*head, *voxels])
    objects = [
        f"| {entry.name} | {way} | {o.tp + o.fn} | {o.precision:.3f} | {o.recall:.3f} | {o.f1:.3f} |"
        for entry in scores
        for way, o in entry.objects.items()
    ]
    if objects:
        head = ["| objects of | a match is | true objects | precision | recall | F1 |", "|---|---|---|---|---|---|"]
        tables += "\n\n" + "\n".join([*head, *objects])
    return tables


def _use(facts: Facts) -> str:
    return f"""## Use

- **ASEM**: `asem segment VOLUME --model {facts.id} -o OUT.zarr`.
  Any size of volume; every voxel is predicted.
- **Other tools** take the zip that `asem zoo export {facts.id} {facts.id}.zip` writes. It has `weights_state_dict.pt`,
  which the package in a plugin leaves out: `weights.onnx` holds the same numbers.
- **bioimageio.core**: `bioimageio test {facts.id}.zip --weight-format onnx` proves the installation. Without blocks the
  outer 52 voxels are no predictions (49 of them are 0). Blockwise prediction wants a volume whose sides are multiples
  of 8 and at least as large as the block (112 or more).
- **BiaPy, PlantSeg, ilastik** read the PyTorch weights (`weights_state_dict.pt` with `unet.py`, class `PackageNet`).
  The same sizes hold: blocks that are multiples of 8 and at least 112, halo 52, a volume no smaller than a block.
  ilastik too wants a volume whose sides are multiples of 8. BiaPy 3.7.1 was run on a package of this kind; it takes
  blocks of 112, of which 8 voxels a side are predictions, so give it a small box. The others were not run on it."""


def _provenance(facts: Facts) -> str:
    return f"""## Provenance

- Written {facts.date} by asem-core {facts.core_version}, torch {facts.torch_version}.
- sha256 of `weights.onnx`: `{facts.onnx_sha256}`
{provenance_line(facts.origin)}"""


def _grid(entry: ScoreSet) -> str:
    return f" ({' x '.join(f'{v:g}' for v in entry.voxel_size_nm)} nm)" if entry.voxel_size_nm else ""


def _bullets(lines: tuple[str, ...] | list[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _sentence(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return f"{text[0].upper()}{text[1:]}."
