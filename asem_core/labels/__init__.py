"""Ground-truth labels: clean-up, dilation, and the exclusion zone. Axes z, y, x.

==============  =========================================================================
``prepare``     labels of an organelle into an OME-Zarr that is ready to train and score on
``plan``        which stages that takes, with which numbers
``rules``       clean-up on whole arrays; ``objects``: the same block by block
``dilate``      labels that were drawn without the membrane grow by its width
``zone``        voxels too near the boundary to be scored
``ball``        the structuring element of both
``instances``   what the objects of a volume are: its ids, or its components
``blocks``      labels read block by block through every stage so far
==============  =========================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.labels.ball import dilate_mask
    from asem_core.labels.blocks import LabelBlocks
    from asem_core.labels.plan import choose_zone, make_plan
    from asem_core.labels.prepare import PreparedLabels, prepare_labels

__all__ = ["LabelBlocks", "PreparedLabels", "choose_zone", "dilate_mask", "make_plan", "prepare_labels"]
__getattr__, __dir__ = lazy_names(__name__)
