"""Training: the only part of ASEM that needs torch (extra ``asem-core[train]``).

::

    recipe.py -> volumes.py -> sample.py -> augment.py -> loop.py (unet.py, loss.py, validate.py, checkpoint.py)
    what        what is read   where        how it varies    until fold.py and the zoo's exporter take over
"""
