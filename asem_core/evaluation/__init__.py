"""Scores of a segmentation against ground truth, voxels and objects. Pictures to judge it by: `asem_core.draw`.

================  ==================================================================
``evaluate``      voxels: precision, recall, F1, with and without the zone
``objects``       the same of objects; ``object_table``: as a table
``ids``           which values are ids of objects, and which are not known
``background``    the image that a segmentation was made from
``align``         prediction, labels and mask laid on one another
``source``        where a volume is non-zero, block by block
``scores``        counts and rates of voxels
``contingency``   voxels that every pair of objects shares
``detection``     objects found, from ``matching``: pairs one to one
================  ==================================================================
"""

from asem_core.evaluation.detection import Detection
from asem_core.evaluation.evaluate import Evaluation, evaluate
from asem_core.evaluation.object_table import object_rows, write_object_table
from asem_core.evaluation.objects import ObjectEvaluation, evaluate_objects
from asem_core.evaluation.scores import Score, Scores

__all__ = [
    "Detection", "Evaluation", "ObjectEvaluation", "Score", "Scores", "evaluate", "evaluate_objects", "object_rows",
    "write_object_table",
]  # fmt: skip
