"""Quantisation: a package gets its network in 8-bit integers too, where that costs no accuracy.

::

    tissue.py   ->  models/quantised.py  ->  trial.py         ->  zoo/write/quantised.py
    calibration     the graph                F1 and speed of      the package, its card
    blocks                                   every precision
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.quantisation.run import Quantised, quantise

__all__ = ["Quantised", "quantise"]
__getattr__, __dir__ = lazy_names(__name__)
