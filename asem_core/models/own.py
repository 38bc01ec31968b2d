"""A model of ours: a package that ASEM wrote, with the stages of ``model.json`` and the tiles of ``rdf.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.geometry import AXES, Box, Lattice, VoxelSize, triple
from asem_core.models.model import Image, TilePredictor, identity
from asem_core.models.runtimes.session import Session
from asem_core.models.tiling import Sizes, Tiling
from asem_core.network import RIM
from asem_core.preprocessing.stages import Statistics, Step, make_steps, split_steps
from asem_core.registry import Registry
from asem_core.specs import ModelSpec, TrainedGrey
from asem_core.volume.check import known_grey
from asem_core.zoo.find import package_folder
from asem_core.zoo.manifest import stated_int8, stated_onnx
from asem_core.zoo.rdf import description_path, read_description


@attrs.frozen(kw_only=True, eq=False)
class OwnModel:
    """See `asem_core.models.model.Model`; `open_own` makes it."""

    spec: ModelSpec
    onnx: Path
    tiling: Tiling
    before: tuple[Step, ...]
    inside: tuple[Step, ...]
    """Stages inside a tile, in order."""
    int8: Path | None = None
    precision: str = "auto"
    needs: tuple[str, ...] = ()
    adapted: Mapping[str, Any] | None = None
    """How, and to what weights, it was adapted to the volume; None: it was not."""
    adaptation: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """Of the spec, as the following three."""
        return self.spec.id

    @property
    def version(self) -> str:
        """Of the weights."""
        return self.spec.version

    @property
    def licence(self) -> str:
        """Of the weights."""
        return self.spec.licence

    @property
    def sha256(self) -> str:
        """Of the ONNX file."""
        return self.spec.sha256

    @property
    def voxel_size(self) -> VoxelSize:
        """Of the spec."""
        return VoxelSize(self.spec.voxel_size_nm)

    @property
    def grey(self) -> TrainedGrey | None:
        """Of the spec."""
        return known_grey(self.spec)

    @property
    def spare(self) -> int:
        """What the halo leaves beside the zeros that pad the graph's output."""
        return min(self.tiling.halo) - RIM

    @property
    def settings(self) -> dict[str, Any]:
        """Identity, stages, and how it was adapted."""
        adapted = {} if self.adapted is None else {"adapted": dict(self.adapted)}
        stages = [step.settings for step in (*self.before, *self.inside)]
        return {"model": identity(self), "preprocess": stages, **adapted}

    def check_tile(self, lattice: Lattice) -> None:
        """Our graphs give what they are given: nothing to compare."""

    def check_probability(self) -> None:
        """Our graphs end with a softmax."""

    def predictor(self, session: Session, *, lattice: Lattice, stats: Statistics, probability: bool) -> TilePredictor:
        """See `asem_core.models.model.Model.predictor`."""
        cut = [halo - self.spare for halo in lattice.halo]
        kept = tuple(slice(c, c + n + 2 * self.spare) for c, n in zip(cut, lattice.keep, strict=True))

        def prepare(raw: npt.NDArray[Any], box: Box) -> npt.NDArray[Any]:
            image = raw.astype(np.float32, copy=False)
            for step in self.inside:
                image = step.apply(image, box=box, voxel_size=self.voxel_size, stats={})
            return np.ascontiguousarray(image, dtype=np.float32)[None, None]

        def run(block: npt.NDArray[Any]) -> Image:
            # A copy, so that tiles that wait to be written do not hold the whole result.
            return np.array(session.run(block)[0, 0][kept], np.float32)

        return TilePredictor(prepare=prepare, run=run)


def open_own(spec: ModelSpec, *, registry: Registry) -> OwnModel:
    """Open the package of ``spec``, inside its plugin or wherever it lies.

    Raises
    ------
    ModelError
        A file is missing, the sha256 of weights is not the one that the spec states, ``rdf.yaml`` does not say which
        tiles the graph takes, or the stages cannot run in their order.
    PluginError
        A stage is not installed, or has no such parameter.
    """
    folder = package_folder(spec)
    onnx, int8 = stated_onnx(spec, folder), stated_int8(spec, folder)
    before, inside = split_steps(make_steps(spec.preprocess, registry))
    tiling = described_tiling(folder, onnx)
    return OwnModel(spec=spec, onnx=onnx, int8=int8, tiling=tiling, before=tuple(before), inside=tuple(inside))


def described_tiling(folder: Path, onnx: Path) -> Tiling:
    """The tiles that the ``rdf.yaml`` in ``folder`` describes: sizes of the input's axes, halo of the output's.

    Raises
    ------
    ModelError
        It does not say, or its halo is narrower than the rim of our graphs.
    """
    path, values = description_path(folder), read_description(folder)
    try:
        taken, given = (
            {axis["id"]: axis for axis in values[tensor][0]["axes"] if axis["type"] == "space"}
            for tensor in ("inputs", "outputs")
        )
        z, y, x = (Sizes(int(taken[axis]["size"]["min"]), int(taken[axis]["size"]["step"])) for axis in AXES)
        halo = triple([int(given[axis]["halo"]) for axis in AXES])
    except (LookupError, TypeError, ValueError):
        raise ModelError(
            f"{path} does not say which tiles the network takes (min and step of the input's axes, halo of the "
            "output's): get the package again, or write it again with `asem zoo package`"
        ) from None
    if min(z.least, y.least, x.least) < 1 or min(z.step, y.step, x.step) < 1 or min(halo) < RIM:
        raise ModelError(
            f"{path}: sizes (min, step) of {[attrs.astuple(axis) for axis in (z, y, x)]} with a halo of {halo} are no "
            f"tiles of our network; expected numbers above 0 and a halo of at least {RIM}: get the package again"
        )
    return Tiling(onnx=onnx, sizes=(z, y, x), halo=halo)
