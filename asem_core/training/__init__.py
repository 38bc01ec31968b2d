"""Training: the only part of ASEM that needs torch (extra ``asem-core[train]``).

::

    recipe.py -> volumes.py -> sample.py -> augment.py -> loop.py (unet.py, loss.py, validate.py, checkpoint.py)
    what        what is read   where        how it varies    until fold.py and the zoo's exporter take over
                gridded.py     occupancy.py                  ahead.py: the next blocks while a step is computed
                inputs.py: whether it changed                late.py: the losses of the steps before

    journal.py -> curves.py -> selection.py -> picture.py
    the log       read back    which weights   to look at
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.training.loop import TrainingResult, train

__all__ = ["TrainingResult", "train"]
__getattr__, __dir__ = lazy_names(__name__, extra="train")
