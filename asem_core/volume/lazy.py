"""A `LazyArray` behind xarray's lazy indexing. Imports xarray: import this module inside functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from xarray import Variable
from xarray.backends import BackendArray
from xarray.core import indexing

from asem_core.geometry import AXES
from asem_core.volume.volume import LazyArray


class _Backend(BackendArray):
    def __init__(self, array: LazyArray) -> None:
        self._array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        basic = indexing.IndexingSupport.BASIC
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, basic, self._read))

    def _read(self, key: tuple[int | slice, ...]) -> npt.NDArray[Any]:
        return np.asarray(self._array[key])


def lazy_variable(array: LazyArray) -> Variable:
    """``array`` ``(z, y, x)`` as an xarray variable that reads only what is indexed."""
    return Variable(AXES, indexing.LazilyIndexedArray(_Backend(array)))
