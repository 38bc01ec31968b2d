"""Steps between the raw volume and the network: the stages that a model names, and their statistics.

===============  ==========================================================
``stages``       steps in order, and a volume seen through them
``statistics``   what steps measure on the whole volume, kept in a file
``whole``        a volume through stages, as an OME-Zarr
``levels``       grey levels, and the 0..255 that models are given
``scale``        the fixed scale of every model
``intensity``    histogram equalisation, percentile rescaling
``clahe``        contrast-limited adaptive histogram equalisation
===============  ==========================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.preprocessing.levels import to_grey_range
    from asem_core.preprocessing.whole import preprocess

__all__ = ["preprocess", "to_grey_range"]
__getattr__, __dir__ = lazy_names(__name__)
