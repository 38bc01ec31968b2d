"""Counts of voxels and what is derived from them: precision, recall, F1 (Dice) and IoU (Jaccard)."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import validators

Mask = npt.NDArray[np.bool_]


def _count() -> Any:
    return attrs.field(default=0, validator=[validators.instance_of(int), validators.ge(0)])


@attrs.frozen(kw_only=True)
class Score:
    """True positives, false positives and false negatives, in voxels or in objects.

    Scores of parts add up to that of the whole.

    Edge cases, all defined so that an average over volumes never meets a NaN:

    ==================  ===============  =========  ======  ====  ====
    truth               predicted        precision  recall  F1    IoU
    ==================  ===============  =========  ======  ====  ====
    nothing             nothing          1          1       1     1
    something           nothing          0          0       0     0
    nothing             something        0          0       0     0
    ==================  ===============  =========  ======  ====  ====

    Examples
    --------
    >>> score = Score(tp=6, fp=2, fn=2) + Score(tp=3, fp=1, fn=1)
    >>> score.precision, score.recall, score.f1, score.iou
    (0.75, 0.75, 0.75, 0.6)
    """

    tp: int = _count()
    fp: int = _count()
    fn: int = _count()

    @classmethod
    def of(cls, predicted: Mask, truth: Mask) -> Score:
        """Count two masks of one shape."""
        tp = int(np.count_nonzero(predicted & truth))
        return cls(tp=tp, fp=int(np.count_nonzero(predicted)) - tp, fn=int(np.count_nonzero(truth)) - tp)

    def __add__(self, other: Score) -> Score:
        return Score(tp=self.tp + other.tp, fp=self.fp + other.fp, fn=self.fn + other.fn)

    @property
    def precision(self) -> float:
        """Part of the predicted voxels that is true."""
        return self._ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Part of the true voxels that was predicted."""
        return self._ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, which for voxels is the Dice coefficient."""
        return self._ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard)."""
        return self._ratio(self.tp, self.tp + self.fp + self.fn)

    def __str__(self) -> str:
        return f"precision {self.precision:.3f}  recall {self.recall:.3f}  F1 {self.f1:.3f}"

    def to_json(self) -> dict[str, int | float]:
        """Counts and ratios under ``tp fp fn precision recall f1 iou``."""
        ratios = {"precision": self.precision, "recall": self.recall, "f1": self.f1, "iou": self.iou}
        return {"tp": self.tp, "fp": self.fp, "fn": self.fn, **ratios}

    def _ratio(self, part: int, whole: int) -> float:
        nothing_anywhere = self.tp + self.fp + self.fn == 0
        return part / whole if whole else float(nothing_anywhere)


@attrs.frozen(kw_only=True)
class Scores:
    """The score without the voxels of the exclusion zone (as the paper's tables have it), and the score of all."""

    with_zone: Score = attrs.field(factory=Score)
    without_zone: Score = attrs.field(factory=Score)

    def __add__(self, other: Scores) -> Scores:
        return Scores(with_zone=self.with_zone + other.with_zone, without_zone=self.without_zone + other.without_zone)

    def to_json(self) -> dict[str, dict[str, int | float]]:
        """Both scores, under ``with_zone`` and ``without_zone``."""
        return {"with_zone": self.with_zone.to_json(), "without_zone": self.without_zone.to_json()}
