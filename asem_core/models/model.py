"""A model: a network in ONNX, and all that the engine asks of what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, Lattice, VoxelSize
from asem_core.models.runtimes.session import Session
from asem_core.models.tiling import Tiling
from asem_core.preprocessing.stages import Statistics, Step
from asem_core.specs import TrainedGrey

Image = npt.NDArray[np.float32]


@attrs.frozen(kw_only=True)
class TilePredictor:
    """How the raw voxels of a tile become its result."""

    prepare: Callable[[npt.NDArray[Any], Box], npt.NDArray[Any]]
    """From the voxels ``(z, y, x)`` of the box that a tile reads (of the model's grid, mirrored beyond the volume's
    faces) on the 0..255 scale, to the input of the graph. Runs in another thread than ``run``."""
    run: Callable[[npt.NDArray[Any]], Image]
    """From there to float32 ``(z, y, x)``: what the tile keeps, and `Model.spare` voxels around it."""


class Model(Protocol):
    """A trained network with all that belongs to it: our own (`own`), or one from elsewhere (`described`)."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def version(self) -> str:
        """Of the weights."""
        ...

    @property
    def licence(self) -> str:
        """Of the weights, as stated."""
        ...

    @property
    def sha256(self) -> str:
        """Of the ONNX file."""
        ...

    @property
    def onnx(self) -> Path:
        """The graph."""
        ...

    @property
    def voxel_size(self) -> VoxelSize | None:
        """Of the grid that it works on; None: not stated, it runs on the volume's own."""
        ...

    @property
    def int8(self) -> Path | None:
        """The same network as a graph in 8-bit integers (`asem_core.models.quantised`); None: it has none."""
        ...

    @property
    def tiling(self) -> Tiling:
        """The tiles that the graph can be given."""
        ...

    @property
    def spare(self) -> int:
        """Valid voxels around what a tile keeps: with some, results are brought to a two-fold finer grid at once."""
        ...

    @property
    def precision(self) -> str:
        """Arithmetic where the user does not choose: ``auto`` (the runtime's first), or one by name."""
        ...

    @property
    def before(self) -> tuple[Step, ...]:
        """Stages that run over the volume as it is stored, in order; their statistics are those of the whole."""
        ...

    @property
    def grey(self) -> TrainedGrey | None:
        """Grey values of the volumes that it was trained on; None where they are not known, or do not matter."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Statistics of the whole volume for `predictor`: ``"package.module:function"`` each, as for a stage."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """All that the result depends on: identity, processing; JSON types."""
        ...

    @property
    def adaptation(self) -> Mapping[str, Any] | None:
        """What was measured to adapt it to the volume, JSON types, to be used again on resume; None: as it came."""
        ...

    def check_tile(self, lattice: Lattice) -> None:
        """Refuse a graph that does not make of a tile what is said of it.

        Raises
        ------
        ModelError
            It does not.
        """
        ...

    def check_probability(self) -> None:
        """Refuse a model that is known not to give probabilities: bytes could not hold its values.

        Raises
        ------
        ModelError
            The message says what it gives and what to do.
        """
        ...

    def predictor(self, session: Session, *, lattice: Lattice, stats: Statistics, probability: bool) -> TilePredictor:
        """How a tile is predicted.

        Parameters
        ----------
        session
            The graph, open for tiles of ``lattice``.
        stats
            Of the whole volume, by the names of the functions in `needs`.
        probability
            Refuse a tile whose values are no probabilities.
        """
        ...


def identity(model: Model) -> Mapping[str, str]:
    """What tells ``model`` from another one, for fingerprints and provenance."""
    return {"id": model.id, "version": model.version, "sha256": model.sha256}
