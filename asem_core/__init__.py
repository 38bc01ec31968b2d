"""ASEM: segment organelles in volume electron microscopy and measure them.

Nothing but these names is needed to use ASEM from Python. Each verb takes volumes or their addresses, and does what the
command of its name does.

==================  =========================================================================
``open_volume``     a TIFF folder, Zarr, OME-Zarr ... as a `Volume`, opened, not read
``open_labels``     the labels of one organelle in such a file
``convert``         a volume in another format, a part of it, or on another grid
``preprocess``      a volume with its contrast normalised
``make_mask``       where the cell is
``adapt``           a model, to a volume without labels (ONNX, no torch)
``segment``         a volume into an OME-Zarr with probabilities and labels (ONNX, no torch);
                    ``segment_together``: several organelles in one pass
``instances``       an id for every object of a segmentation, those that touch told apart
``prepare_labels``  ground truth, cleaned up and dilated, and where it is scored
``evaluate``        precision, recall, F1 of a segmentation; ``evaluate_objects``: of objects
``analyze``         tables in nm of what was segmented
``show``            slices of a volume with labels over them, in a notebook
``report``          a page that shows what was measured
``run_project``     all of that for many volumes, as a file says
``train``           a network by a recipe (needs torch)
``finetune``        a model to somebody's own cell, by a few labels (needs torch)
``make_registry``   everything that the installed plugins registered
==================  =========================================================================

The modules follow the data: ``volume`` -> ``preprocessing`` -> ``blocks`` -> ``predict`` -> ``evaluation``,
``analysis`` -> ``reporting``; beside them ``labels``, ``mask``, ``conversion``, ``training``, ``zoo``, and ``cli``,
which only parses, calls and prints. What a plugin may use is what ``__all__`` of these packages names.
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.analysis import analyze
    from asem_core.conversion.convert import convert
    from asem_core.draw import Slices, show
    from asem_core.errors import AsemError
    from asem_core.evaluation.evaluate import Evaluation, evaluate
    from asem_core.evaluation.objects import ObjectEvaluation, evaluate_objects
    from asem_core.finetuning.run import FineTuned, finetune
    from asem_core.geometry import Box, BoxNm, VoxelSize
    from asem_core.hookspecs import hookimpl
    from asem_core.labels import PreparedLabels, prepare_labels
    from asem_core.mask import CellMask, MaskSummary, make_mask
    from asem_core.predict.adapt import Adapted, adapt
    from asem_core.predict.passes import Segmentation
    from asem_core.predict.segment import Wanted, segment, segment_together
    from asem_core.preprocessing import preprocess
    from asem_core.project import Ran, run_project
    from asem_core.registry import Registry, make_registry
    from asem_core.reporting import report
    from asem_core.separation import Separated, instances
    from asem_core.specs import Separation, StageRef
    from asem_core.training import TrainingResult, train
    from asem_core.volume import GreyRange, Volume, open_labels, open_volume

__all__ = [
    "Adapted", "AsemError", "Box", "BoxNm", "CellMask", "Evaluation", "FineTuned", "GreyRange", "MaskSummary",
    "ObjectEvaluation", "PreparedLabels", "Ran", "Registry", "Segmentation", "Separated", "Separation", "Slices",
    "StageRef", "TrainingResult", "Volume", "VoxelSize", "Wanted", "adapt", "analyze", "convert", "evaluate",
    "evaluate_objects", "finetune", "hookimpl", "instances", "make_mask", "make_registry", "open_labels",
    "open_volume", "prepare_labels", "preprocess", "report", "run_project", "segment", "segment_together", "show",
    "train",
]  # fmt: skip
__getattr__, __dir__ = lazy_names(__name__)
