"""Models: a network and all that belongs to it, so that the engine knows one kind only.

===============  ============================================================================
``model``        the protocol: identity, voxel size, tiles, statistics, a predictor per tile
``own``          a package that ASEM wrote: rdf.yaml, model.json and the stages it names
``described``    a package from elsewhere, run as its bioimage.io description says ...
``description``  ... and that description, or why the model cannot run
``find``         id, folder, zip or nothing -> model, and the organelle that it finds
``quantised``    the network in 8-bit integers; ``moments``: what its convolutions give
``tiling``       sizes that a graph takes, context that it needs
``runtimes``     what runs the graph
===============  ============================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.models.find import find_model
    from asem_core.models.model import Model

__all__ = ["Model", "find_model"]
__getattr__, __dir__ = lazy_names(__name__)
