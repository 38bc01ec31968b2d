"""ASEM: segment organelles in volume electron microscopy and measure them.

=================  ====================================================================
``open_volume``    a TIFF folder, Zarr, OME-Zarr ... as a `Volume`, opened, not read
``open_labels``    the labels of one organelle in such a file
``segment``        a volume into an OME-Zarr with probabilities and labels (ONNX, no torch)
``make_registry``  everything that the installed plugins registered
=================  ====================================================================

`asem_core.evaluation` scores a segmentation against ground truth: precision, recall, F1. `asem_core.analysis` measures
what was segmented: tables in nm.

The modules follow the data: ``volume`` -> ``preprocess`` -> ``blocks`` -> ``predict`` -> ``evaluate``, ``analyze``;
beside them ``labels``, ``train`` (needs torch), ``zoo``, and ``cli``, which only parses, calls and prints.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "AsemError": "asem_core.errors",
    "Box": "asem_core.geometry",
    "Registry": "asem_core.registry",
    "Volume": "asem_core.volume",
    "VoxelSize": "asem_core.geometry",
    "hookimpl": "asem_core.hookspecs",
    "make_registry": "asem_core.registry",
    "open_labels": "asem_core.volume",
    "open_volume": "asem_core.volume",
    "segment": "asem_core.predict.segment",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'asem_core' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
