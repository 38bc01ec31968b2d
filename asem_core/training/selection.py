"""Which weights of a run are taken: those in the middle of its fit regime.

The fit regime is the stretch of a run in which it has learned what it will and does not yet overfit. Gallusser et al.
2022 chose by eye the plateau of training and validation loss, 20,000 iterations long, and reported F1 over the 20
checkpoints in it. Here it is the stretch of that length with the lowest mean validation loss: a mean over many
checkpoints is hardly moved by noise, and the stretch ends before a rise::

    validation loss    \\                          ___---
                        \\___                ___---
                            \\_____________--
                              |  fit regime  |
                            first  chosen  last
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.training.curves import Curves, Validated

REGIME_ITERATIONS = 20_000
"""Length of the fit regime in the paper, whose runs had 100,000 iterations and more."""
REGIME_SHARE = 0.2
"""Its part of a shorter run."""
LEAST = 3
"""Checkpoints that have a middle."""
MOST_REPORTED = 20
"""Consecutive checkpoints that the paper's tables give mean and SD of."""
FLAT = 0.05
"""A change of the loss over the fit regime by less than this part of it is none."""


@attrs.frozen
class Spread:
    """F1 with zone over consecutive checkpoints."""

    mean: float
    sd: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.sd:.3f}"


@attrs.frozen(kw_only=True)
class FitRegime:
    """A stretch of a run, and the iteration in it whose weights are taken."""

    first: int
    """Where a later fine-tuning begins, as in the paper."""
    chosen: int
    last: int
    why: str
    f1: dict[str, Spread]
    """Per validation volume, over ``checkpoints``."""
    checkpoints: int
    """How many, the chosen one in their middle."""

    def __str__(self) -> str:
        spread = ", ".join(f"{name}: {found}" for name, found in self.f1.items())
        return (
            f"chosen: iteration {self.chosen} of the fit regime {self.first} to {self.last}: {self.why}\n"
            f"F1 with zone over {self.checkpoints} checkpoints: {spread}"
        )


def regime_size(iterations: int, *, validate_every: int) -> int:
    """Consecutive checkpoints that make a fit regime in a run of ``iterations``.

    Examples
    --------
    >>> regime_size(150_000, validate_every=1000), regime_size(1000, validate_every=20)
    (20, 10)
    """
    return max(LEAST, round(min(REGIME_ITERATIONS, REGIME_SHARE * iterations) / validate_every))


def fit_regime(curves: Curves, *, size: int) -> FitRegime:
    """The ``size`` consecutive checkpoints with the lowest mean validation loss, and which of them is taken.

    Parameters
    ----------
    curves
        With at least one validation. Losses that are not finite count as infinitely large.
    size
        What `regime_size` says; all there are where the run has fewer.

    Returns
    -------
    FitRegime
        The middle is taken, the earlier one of two. Where there are fewer than three, or where the loss still falls at
        the end of the run, it is the one with the best F1.

    Notes
    -----
    Training loss chooses nothing: it has another meaning in every phase, and falls on while a network overfits.
    """
    points = curves.validated
    at = _lowest(points, size)
    stretch, after = points[at : at + size], points[at + size :]
    begin, end = stretch[0].iteration, stretch[-1].iteration
    level = _level(stretch)
    if len(points) < LEAST or not np.isfinite(level):
        chosen, why = _best(stretch), f"the best F1, for want of more validations with a loss ({len(points)} in all)"
    elif not after and _is_falling(stretch):
        chosen = _best(stretch)
        why = (
            f"the best F1 of the last stretch: its validation loss, {level:.3f}, was still falling, so training longer "
            "would help"
        )
    elif _level(after[-size:]) > _ceiling(stretch):
        chosen = stretch[(len(stretch) - 1) // 2]
        why = f"the middle of the lowest validation loss, {level:.3f}, before it rose to {_level(after[-size:]):.3f}"
        if _training_loss(curves, end, after[-1].iteration) < _training_loss(curves, begin, end):
            why += " while the training loss fell on"
    else:
        chosen = stretch[(len(stretch) - 1) // 2]
        why = f"the middle of the lowest validation loss, {level:.3f}, which is flat there"
    reported = _around(points, points.index(chosen), min(size, MOST_REPORTED))
    return FitRegime(
        first=begin,
        chosen=chosen.iteration,
        last=end,
        why=why,
        f1={name: _spread([point.volumes[name].f1_with_zone for point in reported]) for name in chosen.volumes},
        checkpoints=len(reported),
    )


def is_past(curves: Curves, *, size: int) -> bool:
    """Whether training may stop: the validation loss has been clearly above the fit regime for as long as that lasted.

    Clearly: in the mean of all ``size`` last checkpoints, by more than `FLAT` of the loss and more than its noise.
    """
    points = curves.validated
    at = _lowest(points, size)
    stretch, after = points[at : at + size], points[at + size :]
    return len(after) >= size and _level(after[-size:]) > _ceiling(stretch)


def may_be_chosen(curves: Curves, *, size: int) -> set[int]:
    """Iterations whose weights must be kept while the run goes on, at most ``2 * size - 1``: no other can be chosen.

    Those of the fit regime so far, and the last ones, with which a better one may begin.
    """
    points = curves.validated
    at = _lowest(points, size)
    return {point.iteration for point in (*points[at : at + size], *points[max(0, len(points) - size + 1) :])}


def smoothed(losses: Sequence[float], *, over: int) -> npt.NDArray[np.float64]:
    """Mean of each of ``losses`` and its neighbours, ``over`` values in all, and down to half as many at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    places = np.arange(len(losses))
    begin, end = np.maximum(places - over // 2, 0), np.minimum(places + over // 2 + 1, len(losses))
    smooth: npt.NDArray[np.float64] = (sums[end] - sums[begin]) / (end - begin)
    return smooth


def _lowest(points: Sequence[Validated], size: int) -> int:
    """Where the stretch with the lowest mean loss begins."""
    starts = range(max(1, len(points) - size + 1))
    return min(starts, key=lambda at: _level(points[at : at + size]))


def _losses(points: Sequence[Validated]) -> npt.NDArray[np.float64]:
    losses = np.array([point.loss for point in points])
    return np.where(np.isfinite(losses), losses, np.inf)


def _level(points: Sequence[Validated]) -> float:
    return float(_losses(points).mean()) if points else 0.0


def _ceiling(points: Sequence[Validated]) -> float:
    """What the mean loss of other checkpoints may be without being clearly above that of ``points``."""
    losses = _losses(points)
    if not np.isfinite(losses).all():
        return np.inf
    return float(losses.mean() + max(FLAT * losses.mean(), 2 * losses.std()))


def _is_falling(points: Sequence[Validated]) -> bool:
    """Whether a straight line through the losses falls by more than `FLAT`, and by two of its standard errors."""
    losses, places = _losses(points), np.arange(len(points)) - (len(points) - 1) / 2
    slope = (places @ losses) / (places @ places)
    rest = losses - losses.mean() - slope * places
    error = np.sqrt(rest @ rest / (len(points) - 2) / (places @ places))
    fall = -slope * (len(points) - 1)
    return bool(fall > FLAT * losses.mean() and -slope > 2 * error)


def _training_loss(curves: Curves, begin: int, end: int) -> float:
    losses = [loss for iteration, loss in curves.training if begin < iteration <= end]
    return mean(losses) if losses else np.inf


def _best(points: Sequence[Validated]) -> Validated:
    return max(points, key=lambda point: point.f1)


def _around(points: Sequence[Validated], at: int, count: int) -> Sequence[Validated]:
    begin = max(0, min(at - (count - 1) // 2, len(points) - count))
    return points[begin : begin + count]


def _spread(values: Sequence[float]) -> Spread:
    return Spread(mean(values), stdev(values) if len(values) > 1 else 0.0)
