"""Prediction without torch: a model, run tile by tile.

============  ==================================================================================
``segment``   plan -> preflight -> passes; ``segment_together``: of several organelles
``plan``      what is decided before a byte is written
``choose``    runtime, precision and tile, from what is installed and what memory is allowed
``grids``     the input's grid and the model's
``passes``    plans as jobs; those that read alike, in one pass
``tiles``     the pass: read once, through every network
``source``    raw on the model's grid
``target``    where the stages write
``quantise``  probabilities -> uint8 and label
============  ==================================================================================
"""

from asem_core.predict.passes import Segmentation
from asem_core.predict.segment import Wanted, segment, segment_together

__all__ = ["Segmentation", "Wanted", "segment", "segment_together"]
