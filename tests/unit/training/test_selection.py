"""The fit regime of made-up curves: falling and flat, rising, noisy, never flat, and of a few points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from asem_core.training.curves import Curves, Validated, Validation, read_curves
from asem_core.training.picture import draw_curves
from asem_core.training.selection import fit_regime, is_past, may_be_chosen, regime_size, smoothed

EVERY, SIZE = 10, 5


def validation(loss: float, f1: float) -> Validation:
    return Validation(loss=loss, f1_with_zone=f1, f1_without_zone=f1, precision=f1, recall=f1)


def curves(losses: Sequence[float], *, f1: Sequence[float] = (), training: Sequence[float] = ()) -> Curves:
    """A validation every ten iterations; the training loss, one value per validation, is constant between."""
    scores = f1 or [0.5] * len(losses)
    return Curves(
        training=tuple((EVERY * at + i + 1, loss) for at, loss in enumerate(training) for i in range(EVERY)),
        validated=tuple(
            Validated(iteration=EVERY * (at + 1), volumes={"box": validation(loss, score)})
            for at, (loss, score) in enumerate(zip(losses, scores, strict=True))
        ),
    )


def falling(points: int, *, rate: float = 0.5, floor: float = 0.2) -> list[float]:
    return [floor + math.exp(-rate * at) for at in range(points)]


def test_a_curve_that_flattens() -> None:
    found = fit_regime(curves(falling(20)), size=SIZE)
    assert (found.first, found.chosen, found.last) == (160, 180, 200)
    assert found.why == "the middle of the lowest validation loss, 0.200, which is flat there"


def test_a_curve_that_rises_is_left_before_the_rise() -> None:
    losses = [*falling(10), *(0.2 + 0.05 * at for at in range(10))]
    training = [1 / (1 + at) for at in range(20)]
    found = fit_regime(curves(losses, training=training), size=SIZE)
    assert 70 <= found.first < found.chosen < found.last <= 120
    assert "before it rose to 0.550 while the training loss fell on" in found.why
    assert "fell on" not in fit_regime(curves(losses, training=training[::-1]), size=SIZE).why


def test_a_curve_that_never_flattens_says_so() -> None:
    losses = [1 - 0.04 * at for at in range(20)]
    f1 = [0.3] * 17 + [0.7, 0.6, 0.5]
    found = fit_regime(curves(losses, f1=f1), size=SIZE)
    assert (found.first, found.chosen, found.last) == (160, 180, 200)
    assert "still falling, so training longer would help" in found.why
    assert fit_regime(curves(losses, f1=[*f1[:17], 0.5, 0.6, 0.7]), size=SIZE).chosen == 200


@given(st.integers(0, 2**32 - 1))
def test_noise_moves_the_choice_little(seed: int) -> None:
    """An outlier of any size, and noise of a fifth of the loss, on a curve that flattens and then rises."""
    noise = np.random.default_rng(seed)
    clean = np.array([*falling(15), *[0.2] * 15, *(0.2 + 0.1 * at for at in range(20))])
    losses = clean + noise.normal(0, 0.04, len(clean)).clip(-0.1, 0.1)
    losses[noise.integers(len(losses))] += noise.exponential(10)
    found = fit_regime(curves(losses.tolist()), size=10)
    assert 60 <= found.chosen <= 340


@pytest.mark.parametrize(("f1", "chosen"), [([0.1], 10), ([0.1, 0.2], 20), ([0.2, 0.1], 10)])
def test_one_or_two_points(f1: list[float], chosen: int) -> None:
    found = fit_regime(curves([0.5] * len(f1), f1=f1), size=SIZE)
    assert found.chosen == chosen
    assert f"for want of more validations with a loss ({len(f1)} in all)" in found.why
    assert not is_past(curves([0.5] * len(f1)), size=SIZE)


def test_losses_that_are_not_finite() -> None:
    diverged = fit_regime(curves([1, 0.5, 0.3, 0.3, 0.3, math.nan, math.inf]), size=3)
    assert (diverged.first, diverged.chosen, diverged.last) == (30, 40, 50)
    assert fit_regime(curves([math.nan] * 6, f1=[0, 0.1, 0, 0, 0, 0]), size=3).chosen == 20


LOSSES = st.lists(st.floats(0.01, 10), min_size=1, max_size=40)


@given(LOSSES, st.integers(3, 20))
def test_the_choice_lies_in_the_regime_and_its_weights_were_kept(losses: list[float], size: int) -> None:
    """Weights are dropped while the run goes on: none that is needed at its end may be among them."""
    kept: set[int] = set()
    for points in range(1, len(losses) + 1):
        so_far = curves(losses[:points])
        kept = (kept | {EVERY * points}) & may_be_chosen(so_far, size=size)
        assert len(kept) <= 2 * size - 1
    found = fit_regime(curves(losses), size=size)
    assert found.first <= found.chosen <= found.last
    assert {found.first, found.chosen, found.last} <= kept
    assert found.checkpoints == min(size, len(losses))


@given(st.lists(st.floats(0.01, 0.3), min_size=1, max_size=10))
def test_training_does_not_stop_while_the_loss_falls_or_is_flat(noise: list[float]) -> None:
    rising = sorted((1 + each for each in noise), reverse=True)
    assert not is_past(curves([2, *rising, *[1.0] * 30]), size=SIZE)


def test_training_stops_as_long_after_the_regime_as_that_was() -> None:
    losses = [*falling(12), *[0.5] * 12]
    stops = [points for points in range(1, len(losses) + 1) if is_past(curves(losses[:points]), size=SIZE)]
    assert stops == list(range(17, 25))


def test_spread_over_the_checkpoints_round_the_chosen() -> None:
    f1 = [0.1, 0.5, 0.6, 0.7, 0.2]
    found = fit_regime(curves([1.0, 0.2, 0.2, 0.2, 1.0], f1=f1), size=3)
    assert (found.chosen, found.checkpoints, str(found.f1["box"])) == (30, 3, "0.600 ± 0.100")
    assert "F1 with zone over 3 checkpoints: box: 0.600 ± 0.100" in str(found)


def test_the_regime_is_that_of_the_paper_scaled_to_short_runs() -> None:
    assert regime_size(200_000, validate_every=1000) == regime_size(100_000, validate_every=1000) == 20
    assert regime_size(2000, validate_every=50) == 8
    assert regime_size(100, validate_every=100) == 3


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.integers(1, 9))
def test_smoothing_is_the_mean_of_neighbours(losses: list[float], over: int) -> None:
    smooth = smoothed(losses, over=over)
    for at in range(len(losses)):
        assert smooth[at] == pytest.approx(np.mean(losses[max(0, at - over // 2) : at + over // 2 + 1]), abs=1e-9)


def test_a_log_is_read_back_and_what_older_versions_wrote_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"kind": "train", "iteration": 1, "loss": 0.7, "rate": 0.1, "seconds": 1.0}\n'
        '{"kind": "validation/a", "iteration": 1, "precision": 0.5, "recall": 0.5, "f1": 0.5}\n'
        '{"kind": "validation/a", "iteration": 2, "loss": 0.3, "f1_with_zone": 0.9, "f1_without_zone": 0.8, '
        '"precision": 0.9, "recall": 0.9}\n'
        '{"kind": "validation/b", "iteration": 2, "loss": 0.5, "f1_with_zone": 0.7, "f1_without_zone": 0.8, '
        '"precision": 0.7, "recall": 0.7}\n'
    )
    found = read_curves(log)
    assert found.training == ((1, 0.7),)
    (point,) = found.validated
    assert (point.iteration, point.loss, point.f1) == (2, 0.4, pytest.approx(0.8))


def test_a_picture_of_them(tmp_path: Path) -> None:
    drawn = curves(falling(20), f1=[1 - loss / 2 for loss in falling(20)], training=falling(20))
    draw_curves(drawn, tmp_path / "curves.png", regime=fit_regime(drawn, size=SIZE))
    draw_curves(curves([], training=falling(3)), tmp_path / "training.png", regime=None)
    with Image.open(tmp_path / "curves.png") as both, Image.open(tmp_path / "training.png") as one:
        assert both.height > 1.5 * one.height
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "training.png"]
