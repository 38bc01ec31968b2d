"""How a model is fine-tuned: the recipe that is made from what is labelled and how long it may take."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from asem_core.errors import RecipeError
from asem_core.finetuning.labelled import Labelled
from asem_core.finetuning.pace import Pace
from asem_core.finetuning.regions import Split
from asem_core.geometry import VoxelSize
from asem_core.training.recipe import Augment, Data, Optimiser, Phase, Recipe, Sampling
from asem_core.training.volumes import is_thick

SIDE = 64
"""Voxels of a block: padded, so that every one of them is trained on."""
BLOCKS = 2
"""Of one iteration."""
HELD_BACK = "held back"
"""What the scores of a validation are called."""
FRESH_SETTLE_BLOCKS = 10
VALIDATIONS = 12
"""About so many checkpoints are compared in a run that is long enough ..."""
VALIDATION_SHARE = 0.3
"""... and no more than this part of its time goes into comparing, but for `LEAST_VALIDATIONS`."""
LEAST_VALIDATIONS = 3
AVERAGED = 0.05
"""Part of a run over which weights are averaged at most: the end of a short one would count for too little."""
LEAST_ITERATIONS = 10
LEAST_INSIDE = 0.5
"""Of the labelled voxels that a block can hold."""


@attrs.frozen(kw_only=True)
class Steps:
    """How far a network goes at every iteration, and what it is shown."""

    rate: float
    """Learning rate after the warm-up, falling to 0."""
    normalisation: float
    """That of the normalisation, in multiples of it."""
    warmup: int
    """Iterations."""
    convolutions: bool = True
    """Whether their weights learn too, or the normalisation alone."""
    clip: float | None = None
    """Largest norm of a gradient."""
    average: float = 0.0
    """Decay of the moving average of the weights that is used; 0: the weights themselves."""
    brightness: float = 0.15
    """By how much that of a block varies; it is 0..1."""
    keep_without: float = 0.3
    """Probability of a block with next to nothing of the organelle."""

    def of(self, recipe: Recipe) -> Recipe:
        """``recipe``, which has one phase, with these steps."""
        (phase,) = recipe.phases
        return attrs.evolve(
            recipe,
            phases=(attrs.evolve(phase, rate=(self.rate, 0.0)),),
            optimiser=Optimiser(
                weight_decay=1e-4,
                decoupled=True,
                warmup=self.warmup,
                normalisation=self.normalisation,
                convolutions=self.convolutions,
                clip=self.clip,
            ),
            average=self.average,
            augment=attrs.evolve(recipe.augment, brightness=(-self.brightness, self.brightness)),
            sampling=attrs.evolve(recipe.sampling, keep_without=self.keep_without),
        )


CAREFUL = Steps(rate=5e-5, normalisation=6, warmup=5, clip=1.0, average=0.97, brightness=0.06, keep_without=0.6)
"""From a model: what it knows is in its convolutions, what another staining changes in their scales and thresholds.
Without a bound, one block that it takes for something else altogether undoes it (docs/decisions/0029)."""
LITTLE_UM3 = 0.6
"""Where less is trained on, what is held back not counted, it is learned by heart if all weights learn
(docs/decisions/0069)."""
BORNE_PER_UM3 = 80
"""Iterations that labels bear for each cubic micrometre that is trained on: more undo what a network knew of the rest
of the cell, and what is held back beside the labels need not show it (docs/decisions/0071)."""
LEAST_BORNE = 60
"""Of how few labels they may be."""
SCALES = attrs.evolve(CAREFUL, rate=5e-4, normalisation=1, convolutions=False)
"""From a model, by little: every feature stays what it is, how much it counts for is learned."""
FRESH = Steps(rate=1e-3, normalisation=1, warmup=15)
"""From nothing."""


def make_recipe(
    pairs: Sequence[Data],
    parts: Split,
    *,
    organelle: str,
    grid: VoxelSize,
    base: int,
    start: str,
    seed: int = 0,
) -> Recipe:
    """How to fine-tune on ``parts``, one iteration long: `lasting` gives it its length.

    Parameters
    ----------
    pairs
        Volumes and labels, by number.
    start
        The model to begin from, a U-Net of ``base`` on ``grid``.

    Notes
    -----
    AdamW, cross entropy + Dice, padded blocks, the normalisation put back before and folded after
    (`asem_core.training.unfold`), `CAREFUL` steps, or those of `SCALES` alone; measured in docs/finetune.md.
    """
    every = (*parts.training, *parts.validation)
    thick = any(is_thick(each.voxel_size) for each in every)

    def data(each: Labelled) -> Data:
        left_out = tuple(str(box) for box in each.left_out)
        return attrs.evolve(pairs[each.source], roi=str(each.box), left_out=left_out)

    recipe = Recipe(
        organelle=organelle,
        voxel_size_nm=grid.zyx,
        training=tuple(data(each) for each in parts.training),
        validation=tuple(attrs.evolve(data(each), name=HELD_BACK, context=True) for each in parts.validation),
        preset="fast",
        seed=seed,
        base=base,
        start=start,
        normalise=True,
        loss="cross_entropy_dice",
        batch=BLOCKS,
        phases=(Phase(iterations=1, side=SIDE, padded=True),),
        sampling=Sampling(min_foreground=0.02, min_inside=_least_inside(parts.training, grid)),
        augment=Augment(
            permute="in_plane" if thick else "all",
            elastic_sigma=0.0,
            rotate=not thick,
            section_shift_probability=0.0,
        ),
        validate_every=1,
        checkpoint_every=1,
        select="fit",
    )
    return (SCALES if _covered_um3(parts) < LITTLE_UM3 else CAREFUL).of(recipe)


def most_iterations(parts: Split) -> int:
    """Iterations that what is trained on bears."""
    return max(LEAST_BORNE, round(BORNE_PER_UM3 * _covered_um3(parts)))


def _covered_um3(parts: Split) -> float:
    """What is trained on, strokes by the place that they cover."""
    return sum(each.covered_um3 for each in parts.training)


def from_nothing(recipe: Recipe) -> Recipe:
    """``recipe`` of a network that knows nothing yet."""
    return FRESH.of(attrs.evolve(recipe, start=None, settle_blocks=FRESH_SETTLE_BLOCKS))


def iterations_for(minutes: float, pace: Pace) -> int:
    """Iterations that fit into ``minutes``, validations included.

    Raises
    ------
    RecipeError
        Not even a few iterations and their validation fit; the message says how long those take.
    """
    seconds, validation = 60 * minutes, pace.judging
    least = LEAST_ITERATIONS * pace.step + LEAST_VALIDATIONS * validation
    if seconds < least:
        raise RecipeError(
            f"{minutes:g} minutes are not enough: {LEAST_ITERATIONS} iterations of {pace.step:.1f} s and "
            f"{LEAST_VALIDATIONS} validations of {validation:.0f} s take {least / 60:.1f} on this machine; "
            f"give --minutes {math.ceil(2 * least / 60)} or more"
        )
    return max(LEAST_ITERATIONS, int((seconds - _validations(seconds, pace) * validation) / pace.step))


def lasting(recipe: Recipe, iterations: int, *, pace: Pace) -> Recipe:
    """``recipe`` with so many iterations, validated often enough to choose among them but no more than is worth it."""
    count = _validations(iterations * pace.step / (1 - VALIDATION_SHARE), pace)
    (phase,) = recipe.phases
    return attrs.evolve(
        recipe,
        phases=(attrs.evolve(phase, iterations=iterations),),
        average=min(recipe.average, 1 - 1 / max(1.0, AVERAGED * iterations)),
        validate_every=max(1, iterations // count),
        checkpoint_every=max(1, min(iterations, round(60 / pace.step))),
        mixed_precision=pace.mixed_precision,
    )


def _validations(seconds: float, pace: Pace) -> int:
    """After the first, in a run of so many ``seconds``."""
    return max(LEAST_VALIDATIONS, min(VALIDATIONS, int(VALIDATION_SHARE * seconds / pace.judging)))


def as_begun(recipe: Recipe, begun: Recipe) -> Recipe:
    """``recipe`` with the length and steps of ``begun``: they follow from what was measured when that run began."""
    return attrs.evolve(
        recipe,
        phases=begun.phases,
        optimiser=begun.optimiser,
        average=begun.average,
        augment=begun.augment,
        sampling=attrs.evolve(recipe.sampling, keep_without=begun.sampling.keep_without),
        validate_every=begun.validate_every,
        checkpoint_every=begun.checkpoint_every,
        mixed_precision=begun.mixed_precision,
    )


def _least_inside(parts: Sequence[Labelled], grid: VoxelSize) -> float:
    """Labelled part of a block that is asked for: half of what the sparsest of ``parts`` has, in its box."""
    shares = []
    for each in parts:
        sides = [n * a / b for n, a, b in zip(each.box.shape, each.voxel_size.zyx, grid.zyx, strict=True)]
        fits = 1.0
        for side in sides:
            fits *= min(1.0, side / SIDE)
        shares.append(fits * (each.background + each.organelle) / each.state.size)
    return LEAST_INSIDE * min(shares)
