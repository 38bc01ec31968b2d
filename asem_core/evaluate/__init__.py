"""Scores of a segmentation against ground truth, voxels and objects, and pictures to judge it by."""

from asem_core.evaluate.detection import Detection
from asem_core.evaluate.evaluate import Evaluation, evaluate
from asem_core.evaluate.object_table import object_rows, write_object_table
from asem_core.evaluate.objects import ObjectEvaluation, evaluate_objects
from asem_core.evaluate.overlay import draw_evaluation, draw_segmentation
from asem_core.evaluate.scores import Score, Scores

__all__ = [
    "Detection", "Evaluation", "ObjectEvaluation", "Score", "Scores", "draw_evaluation", "draw_segmentation",
    "evaluate", "evaluate_objects", "object_rows", "write_object_table",
]  # fmt: skip
