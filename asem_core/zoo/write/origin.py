"""Where the weights of a package come from: a run of ``asem train``, or a checkpoint that others published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from asem_core.specs import CheckpointSpec, StageRef


@attrs.frozen(kw_only=True)
class Trained:
    """The record of a run of ``asem train``."""

    recipe: Mapping[str, Any]
    """Plain values of the recipe, complete."""
    recipe_sha256: str
    iterations: int

    @property
    def normalise(self) -> tuple[StageRef, ...]:
        """Stages before the fixed scale: those that the images of the training went through."""
        return tuple(StageRef(**stage) for stage in self.recipe.get("preprocess") or ())

    def values(self) -> dict[str, Any]:
        """For ``rdf.yaml``."""
        return {"iterations": self.iterations, "recipe_sha256": self.recipe_sha256}


@attrs.frozen(kw_only=True)
class Imported:
    """A checkpoint that was trained elsewhere, and what is published about it."""

    spec: CheckpointSpec
    file: str
    """Name of the checkpoint."""
    sha256: str
    """Of the checkpoint."""
    dtype: str
    iterations: int | None
    """As the checkpoint says."""

    @property
    def normalise(self) -> tuple[StageRef, ...]:
        """Stages before the fixed scale."""
        return self.spec.normalise

    def values(self) -> dict[str, Any]:
        """For ``rdf.yaml``."""
        return {"checkpoint": self.file, "checkpoint_sha256": self.sha256, "iterations": self.iterations,
                "address": self.spec.uri, "fixation": self.spec.fixation}  # fmt: skip


def in_words(stages: tuple[StageRef, ...]) -> str:
    """Stages as they are written on the command line.

    >>> in_words((StageRef(name="clahe", params={"kernel": 128, "clip": 0.02}),))
    'clahe:kernel=128,clip=0.02'
    """
    written = (":".join(filter(None, (s.name, ",".join(f"{k}={v}" for k, v in s.params.items())))) for s in stages)
    return ", then ".join(written)


def training_text(origin: Trained | Imported, *, base: int, parameters: int) -> str:
    """Section of the card on how the weights came about."""
    return _trained(origin, base, parameters) if isinstance(origin, Trained) else _imported(origin, base, parameters)


def provenance_line(origin: Trained | Imported) -> str:
    """Line of the card on what the weights were made from."""
    if isinstance(origin, Trained):
        return f"- sha256 of `recipe.yaml`: `{origin.recipe_sha256}`"
    return f"- Made from the checkpoint `{origin.file}` ({origin.spec.uri}), sha256 `{origin.sha256}`"


def published_scores(spec: CheckpointSpec) -> str:
    """What is published about the accuracy, as a table that says that it was not measured here."""
    if not spec.scores:
        return (
            "**Not scored here, and no published score is known.** Score it on your own labels before you rely on it."
        )
    rows = [f"| {s.volume} | {_number(s.precision)} | {_number(s.recall)} | {_number(s.f1)} |" for s in spec.scores]
    table = "\n".join(["| volume | precision | recall | F1 |", "|---|---|---|---|", *rows])
    return f"**As published, not measured here.** {spec.scores_note}\n\n{table}"


def _number(value: float | None) -> str:
    return "not stated" if value is None else f"{value:.2f}"


def _blocks(phase: Mapping[str, Any]) -> str:
    return f"blocks of {phase['side']}^3{' (zero-padded)' if phase['padded'] else ''}"


def _trained(origin: Trained, base: int, parameters: int) -> str:
    recipe = origin.recipe
    phases = ", then ".join(
        f"{p['iterations']} iterations on {_blocks(p)}, rate {p['rate'][0]:g} to {p['rate'][1]:g}"
        f"{', ' + p['loss'] if p.get('loss') else ''}{', statistics fixed' if p.get('frozen') else ''}"
        for p in recipe["phases"]
    )
    planned = sum(p["iterations"] for p in recipe["phases"])
    done = f"{origin.iterations}" + (f" of the {planned} of the recipe" if origin.iterations != planned else "")
    optimiser = recipe["optimiser"]
    kind = "AdamW" if optimiser["decoupled"] else "Adam"
    normalised = "batch normalisation, folded into the convolutions at export" if recipe["normalise"] else "none"
    start = f"- Starts from the weights of `{recipe['start']}`.\n" if recipe.get("start") else ""
    return f"""## Training

- Recipe: `recipe.yaml` in this folder (preset `{recipe["preset"]}`, seed {recipe["seed"]}); log: `log.jsonl`.
{start}- Iterations: {done}; batch {recipe["batch"]}; {phases}.
- Network: 3D U-Net of valid convolutions, base {base}, {parameters:,} parameters;
  normalisation: {normalised}.
- Loss: {recipe["loss"]}; {kind}, weight decay {optimiser["weight_decay"]:g}.
- Weights were rounded to fp16 before anything was scored; arithmetic is fp32."""


def _imported(origin: Imported, base: int, parameters: int) -> str:
    spec = origin.spec
    steps = f"{origin.iterations:,} (step counter in the checkpoint)" if origin.iterations else "not in the checkpoint"
    claims = "".join(f"\n- Published statements disagree: {' '.join(claim.split())}" for claim in spec.claims)
    return f"""## Training

- Trained elsewhere, with the published ASEM program, and imported: no recipe, no log.
- Trained on: {" and ".join(spec.cells) or "not stated"}. Fixation: {spec.fixation}.
- Iterations: {steps}.
- Network: 3D U-Net of valid convolutions, base {base}, {parameters:,} parameters; normalisation: none.
- Weights: those of the checkpoint, stored there as {origin.dtype}, unchanged; arithmetic is fp32.{claims}"""
