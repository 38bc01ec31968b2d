"""A package with its network in 8-bit integers too: its parent's, with a graph more, or with why there is none."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import attrs
import yaml

from asem_core.specs import ModelSpec
from asem_core.zoo.files import INT8_NAME, RDF_NAME, README_NAME, file_sha256
from asem_core.zoo.manifest import MANIFEST, read_manifest, write_manifest
from asem_core.zoo.rdf import read_description

_TITLE, _BEFORE = "## Precisions", "## Known failures"


@attrs.frozen(kw_only=True)
class PrecisionScore:
    """What `asem segment` in one precision, and `asem evaluate`, gave on one volume."""

    volume: str
    precision: str
    f1_with_zone: float
    f1_without_zone: float
    voxels_per_cpu_second: float
    """Of the volume, from reading to writing, for every second of one core."""


@attrs.frozen(kw_only=True)
class Quantisation:
    """How 8-bit integers were calibrated, and what they cost."""

    calibrated_on: tuple[str, ...]
    scores: tuple[PrecisionScore, ...]
    lost: float
    """Most of F1 that was lost on any volume, with or without the zone."""
    most_lost: float
    """That may be lost."""
    absent: int = 0
    """Validation volumes of the recipe that were not scored."""
    processor: str

    @property
    def kept(self) -> bool:
        """Whether they may be used."""
        return self.lost <= self.most_lost

    @property
    def verdict(self) -> str:
        """What was found, in a line."""
        if self.lost <= 0:
            return f"F1 rises by {-self.lost:.4f} or more against f32"
        against = "at most" if self.kept else "more than"
        return f"F1 falls by {self.lost:.4f} against f32, {against} the {self.most_lost} that are allowed"


def write_quantised(folder: Path, *, parent: Path, int8: Path, quantisation: Quantisation) -> ModelSpec:
    """Write the package ``parent`` into ``folder``, which must not exist, with ``int8`` where it may be used.

    Returns
    -------
    ModelSpec
        What ``model.json`` holds; its ``package`` is the folder.
    """
    shutil.copytree(parent, folder, ignore=shutil.ignore_patterns(INT8_NAME, "__pycache__"))
    if quantisation.kept:
        shutil.copyfile(int8, folder / INT8_NAME)
    digest = file_sha256(folder / INT8_NAME) if quantisation.kept else None
    spec = attrs.evolve(read_manifest(parent), package=str(folder), int8_sha256=digest)
    write_manifest(spec, folder)
    card = folder / README_NAME
    card.write_text(_with_section(card.read_text(encoding="utf-8"), section(quantisation)), encoding="utf-8")
    values = _described(read_description(parent), folder, quantisation)
    (folder / RDF_NAME).write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    return spec


def section(quantisation: Quantisation) -> str:
    """What the card says of precisions, Markdown."""
    if quantisation.kept:
        use = (
            f"`{INT8_NAME}` is the same network in 8-bit integers (quantised after training by NNCF, its up-sampling "
            "folded). `asem segment` takes it by itself on processors that multiply bytes fast (VNNI, AMX); "
            "`--precision f32` runs the weights. Other tools run the weights."
        )
    else:
        use = "8-bit integers were tried and refused: the package has none."
    tissue = "; ".join(quantisation.calibrated_on)
    return (
        f"{_TITLE}\n\n{use} {quantisation.verdict[0].upper()}{quantisation.verdict[1:]}.\n"
        f"Calibrated on blocks of 128^3 voxels: {tissue}.{_absent(quantisation.absent)}\n\n"
        f"{score_table(quantisation)}\n\n"
        f"Speed: voxels of the volume in a second of one core, from reading to writing, by OpenVINO on "
        f"{quantisation.processor}, all in one run."
    )


def _absent(count: int) -> str:
    were = "volume of the recipe was" if count == 1 else "volumes of the recipe were"
    return f" {count} validation {were} not there to be scored." if count else ""


def score_table(quantisation: Quantisation) -> str:
    """F1 and speed of every precision, Markdown."""
    rows = [
        f"| {s.volume} | {s.precision} | {s.f1_with_zone:.4f} | {s.f1_without_zone:.4f} "
        f"| {s.voxels_per_cpu_second / 1e6:.2f} |"
        for s in quantisation.scores
    ]
    head = ["| volume | precision | F1 with zone | F1 without | million voxels/s and core |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def without_section(card: str) -> str:
    """``card`` without what `section` gave."""
    return re.sub(rf"^{_TITLE}\n.*?(?=^## )", "", card, flags=re.DOTALL | re.MULTILINE)


def _with_section(card: str, text: str) -> str:
    head, mark, rest = without_section(card).partition(_BEFORE)
    return f"{head}{text}\n\n{mark}{rest}" if mark else f"{head.rstrip()}\n\n{text}\n"


def _described(values: dict[str, Any], folder: Path, quantisation: Quantisation) -> dict[str, Any]:
    """``rdf.yaml`` of the parent for the files that lie in ``folder``."""
    named = [file for file in values["attachments"] if file["source"] != INT8_NAME]
    if quantisation.kept:
        named.append({"source": INT8_NAME})
    for file in named:
        if file["source"] in (MANIFEST, INT8_NAME):
            file["sha256"] = file_sha256(folder / file["source"])
    values["attachments"] = named
    values["config"]["asem"]["precisions"] = {
        "calibrated_on": list(quantisation.calibrated_on),
        "processor": quantisation.processor,
        "lost": quantisation.lost,
        "kept": quantisation.kept,
        "scores": [attrs.asdict(score) for score in quantisation.scores],
    }
    return values
