"""Scores of objects, from a contingency table: precision, recall, F1, average precision, panoptic quality."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.evaluation.contingency import Contingency
from asem_core.evaluation.matching import match
from asem_core.evaluation.scores import Mask, Score


@attrs.frozen(kw_only=True)
class Detection:
    """How many objects were found. A match is a TP, a prediction without one a FP, a truth without one a FN.

    Where there is nothing in the truth and nothing predicted, all ratios are 1.
    """

    count: Score
    """Objects, not voxels."""
    matched_iou: float
    """IoU of the matches, summed."""

    @property
    def segmentation_quality(self) -> float:
        """SQ: mean IoU of the matches; 0 if there are none."""
        nothing_anywhere = self.count == Score()
        return self.matched_iou / self.count.tp if self.count.tp else float(nothing_anywhere)

    @property
    def panoptic_quality(self) -> float:
        """PQ = SQ x F1 (Kirillov et al., CVPR 2019, where F1 is called RQ)."""
        return self.segmentation_quality * self.count.f1

    @property
    def average_precision(self) -> float:
        """TP / (TP + FP + FN) (DSB 2018, StarDist, Cellpose)."""
        return self.count.iou

    def to_json(self) -> dict[str, int | float]:
        """Counts of objects and ratios."""
        count = self.count
        return {
            "tp": count.tp, "fp": count.fp, "fn": count.fn, "precision": count.precision, "recall": count.recall,
            "f1": count.f1, "average_precision": self.average_precision,
            "segmentation_quality": self.segmentation_quality, "panoptic_quality": self.panoptic_quality,
        }  # fmt: skip


@attrs.frozen(kw_only=True, eq=False)
class Matching:
    """Who is matched with whom, and who does not count."""

    table: Contingency
    rows: npt.NDArray[np.int64]
    """The matches: rows of ``table.pairs``."""
    ignored: tuple[Mask, Mask]
    """Per prediction and per truth: ignored objects are no TP, FP or FN."""

    @property
    def detection(self) -> Detection:
        """The scores."""
        counted = self.rows[~self.ignored[0][self.table.pairs[self.rows, 0]]]
        unmatched = []
        for column, ignored in enumerate(self.ignored):
            left = ~ignored
            left[self.table.pairs[self.rows, column]] = False
            unmatched.append(int(left.sum()))
        return Detection(
            count=Score(tp=len(counted), fp=unmatched[0], fn=unmatched[1]),
            matched_iou=float(self.table.iou[counted].sum()),
        )


def match_objects(table: Contingency, *, least_iou: float, ignore_cut: bool) -> Matching:
    """Match predictions with truths one to one among the pairs whose IoU is at least ``least_iou`` (0: any overlap).

    With ``ignore_cut`` an object that is cut (`Objects.cut`) is ignored, and so is the object that it is matched with.
    """
    iou = table.iou
    candidates = np.flatnonzero(iou >= least_iou)
    rows = candidates[match(table.pairs[candidates], iou[candidates])]
    ignored = tuple(side.cut & ignore_cut for side in (table.prediction, table.truth))
    prediction, truth = table.pairs[rows].T
    either = ignored[0][prediction] | ignored[1][truth]
    ignored[0][prediction] = ignored[1][truth] = either
    return Matching(table=table, rows=rows, ignored=(ignored[0], ignored[1]))
