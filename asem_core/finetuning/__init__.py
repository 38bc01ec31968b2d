"""Fine-tuning: a model and a few labels of somebody's own cell become a model of that cell.

::

    labelled.py -> regions.py -> recipe.py    what is labelled, what is held back, how it is trained:
                  task.py                     all of it, before anything is trained
                    |
                  begin.py <- start.py, pace.py    from what, for how long, and what it must beat
                    |
                  run.py                      trained (training/), compared, drawn, packaged
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.finetuning.run import FineTuned, finetune

__all__ = ["FineTuned", "finetune"]
__getattr__, __dir__ = lazy_names(__name__, extra="train")
