"""Prediction without torch: a model, run tile by tile.

::

    segment.py    the whole job: plan -> preflight -> stages -> pyramid
    plan.py       what is decided before a byte is written
    choose.py     runtime, precision and tile, from what is installed and what memory is allowed
    grids.py      the input's grid and the model's
    source.py     raw on the model's grid
    target.py     where the stages write
    quantise.py   probabilities -> uint8 and label
"""
