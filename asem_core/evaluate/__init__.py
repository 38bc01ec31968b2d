"""Scores of a segmentation against ground truth, and pictures to judge it by."""

from asem_core.evaluate.evaluate import Evaluation, evaluate
from asem_core.evaluate.overlay import draw_evaluation, draw_segmentation
from asem_core.evaluate.scores import Score, Scores

__all__ = ["Evaluation", "Score", "Scores", "draw_evaluation", "draw_segmentation", "evaluate"]
