"""The objects of a simulated cut-out, in nm; `asem_dataset_simulated.tissue.assemble.make_scene` draws them."""

from __future__ import annotations

import numpy as np
from attrs import field, frozen

from asem_dataset_simulated.grid import Triple, VoxelSize
from asem_dataset_simulated.microscope import Look
from asem_dataset_simulated.noise import Double
from asem_dataset_simulated.objects import Blob, Tube
from asem_dataset_simulated.tissue.partition import Cells


@frozen(eq=False)
class Density:
    """A post-synaptic density: dark stuff under the membrane of `cell`, within `radius_nm` of `centre_nm` (3,)."""

    centre_nm: Double
    radius_nm: float
    depth_nm: float
    cell: int
    strength: float


@frozen(eq=False)
class Scene:
    """Everything `render` needs; made by `make_scene` and never changed."""

    shape: Triple
    voxel_size_nm: VoxelSize
    seed: int
    cells: Cells
    tubes: tuple[Tube, ...]
    blobs: tuple[Blob, ...]
    densities: tuple[Density, ...]
    look: Look
    tube_bounds: Double = field(init=False, repr=False)
    blob_bounds: Double = field(init=False, repr=False)

    @tube_bounds.default
    def _tube_bounds(self) -> Double:
        return np.array([[t.low_nm, t.high_nm] for t in self.tubes]).reshape(-1, 2, 3)

    @blob_bounds.default
    def _blob_bounds(self) -> Double:
        return np.array([[b.low_nm, b.high_nm] for b in self.blobs]).reshape(-1, 2, 3)

    @property
    def mitochondria(self) -> tuple[Tube, ...]:
        """The mitochondria, in the order of their labels 1..n."""
        return tuple(tube for tube in self.tubes if tube.label)


def draw_look(rng: np.random.Generator) -> Look:
    """Contrast and noise of one cut-out, tuned by eye towards a hippocampus FIB-SEM at 10 nm."""
    return Look(
        gain=float(rng.uniform(0.97, 1.1)),
        offset=float(rng.uniform(-5.0, 5.0)),
        psf_nm=float(rng.uniform(6.0, 8.0)),
        shot=float(rng.uniform(2.5, 4.5)),
        correlated=float(rng.uniform(3.0, 5.0)),
        jitter=float(rng.uniform(1.5, 3.5)),
        gradient=float(rng.uniform(2.0, 5.0)),
        curtain=float(rng.uniform(0.4, 1.4)),
    )
