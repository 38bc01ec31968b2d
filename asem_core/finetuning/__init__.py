"""Fine-tuning: a model and a few labels of somebody's own cell become a model of that cell.

::

    labelled.py -> regions.py  -> recipe.py   -> run.py (training/, package)
    what is       what is held    how it is     trained, compared with the parent,
    labelled      back            trained       drawn and packaged
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.finetuning.run import FineTuned, finetune

__all__ = ["FineTuned", "finetune"]
__getattr__, __dir__ = lazy_names(__name__, extra="train")
