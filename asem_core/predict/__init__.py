"""Prediction without torch: a model, run tile by tile.

============  ==================================================================================
``segment``   the whole job: plan -> preflight -> stages -> pyramid
``plan``      what is decided before a byte is written
``choose``    runtime, precision and tile, from what is installed and what memory is allowed
``grids``     the input's grid and the model's
``source``    raw on the model's grid
``target``    where the stages write
``quantise``  probabilities -> uint8 and label
============  ==================================================================================
"""

from asem_core.predict.segment import Segmentation, segment

__all__ = ["Segmentation", "segment"]
