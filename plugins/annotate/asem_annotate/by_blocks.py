"""A cut of a region of any size, block by block in bounded memory.

::

    +----------------------+
    |  around: read, cut   |      supervoxels lie on one lattice, so near the core they are those of the region
    |   +--------------+   |      what seeds say of them is what all seeds of the region say: `Survey`
    |   |  core: kept  |   |      the cut itself is that of `around`
    |   +--------------+   |
    +----------------------+

A cut looks at all of what it cuts. So that of a block can differ from that of the region where a boundary would have
been settled by what lies outside of `around`; docs/annotate.md says how often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.appearance import HOPS, reach
from asem_annotate.energy import boundary_costs
from asem_annotate.labelling import FIRST, Seeds, solve, without_rim
from asem_annotate.lattice import radii
from asem_annotate.likeness import Likeness, learn_all
from asem_annotate.prediction import Probability, as_probability
from asem_annotate.prepared import prepare
from asem_annotate.region import Region, check_both, check_named, find_kinds, to_uint8
from asem_annotate.scene import check_memory
from asem_annotate.settings import Settings
from asem_annotate.supervoxels import Grey
from asem_annotate.survey import Survey, joined, load_survey, save_survey, survey
from asem_annotate.write import CHUNK, TRAINING, images_of
from asem_core.blocks import Run, Threads, map_blocks
from asem_core.errors import AsemError, BudgetError
from asem_core.geometry import Box, Triple, VoxelSize, triple
from asem_core.progress import Progress, silent
from asem_core.volume import IMAGE, OmePlan, Volume, check_grey, staged_bytes

CORE = 256
"""Voxels per axis of what a block keeps, fewer where the halo is wide."""
HALO = 64
"""Voxels that are cut with it on every side at least: twelve supervoxels of mito, see docs/annotate.md."""
WIDEST = 512
"""Voxels per axis that are cut at once."""
_CELLS = 3 + 3 * HOPS
"""Beyond a core: so far reaches a supervoxel that is `HOPS` from one with a voxel in it."""
_ALONE = Threads(1)
"""Supervoxels are found by all processors as it is, and a block takes much memory."""


@attrs.frozen(kw_only=True, eq=False)
class ByBlocks:
    """How a region is cut."""

    region: Region
    names: Sequence[str]
    settings: Settings
    prediction: Volume | None
    core: Triple
    """Voxels of a block that are kept."""
    halo: Triple
    """Voxels round them on either side that are cut with them."""

    @property
    def stated(self) -> dict[str, Any]:
        """What the result depends on beside ``settings``; JSON types."""
        return {"core": list(self.core), "halo": list(self.halo)}

    @property
    def scratch_bytes(self) -> int:
        """Disk that temporary copies take at most."""
        read = [self.region.raw, self.region.seeds, *([] if self.prediction is None else [self.prediction])]
        return sum(staged_bytes(volume) for volume in read)

    def around(self, core: Box) -> Box:
        """What is cut with ``core``, voxels of the volume both."""
        return core.grow(self.halo).intersect(self.region.part)

    def fill(self, run: Run, plan: OmePlan) -> None:
        """Survey the region, cut it block by block, and count what was found."""
        blocks = list(Box.of_shape(plan.shape).tiles(self.core))
        ready = self._readable(run)
        found = ready._survey(run, blocks)
        likeness = learn_all(found.examples)
        run.each("cutting", blocks, partial(ready._cut, found, likeness), executor=_ALONE)
        run.results.update(
            voxels={name: _count(run, name, blocks) for name in self.names},
            supervoxels=found.supervoxels,
            reused=False,
            blocks=len(blocks),
        )

    def _readable(self, run: Run) -> ByBlocks:
        """The same, of volumes of which boxes can be read."""
        region = self.region
        there = attrs.evolve(region, raw=run.readable(region.raw, "volume"), seeds=run.readable(region.seeds, "seeds"))
        prediction = None if self.prediction is None else run.readable(self.prediction, "prediction")
        return attrs.evolve(self, region=there, prediction=prediction)

    def _survey(self, run: Run, blocks: Sequence[Box]) -> Survey:
        folder = run.scratch / "survey"

        def look(block: Box) -> Survey:
            core = self._in_volume(block)
            box = self.around(core)
            return survey(
                self._grey(box),
                self._seeds(box),
                box=box,
                core=core,
                whole=self.region.part,
                values=FIRST + len(self.names),
                voxel_size=self.region.raw.voxel_size,
                settings=self.settings,
            )

        def save(block: Box) -> list[Path]:
            save_survey(_file(folder, block), look(block))
            return [_file(folder, block)]

        run.temporary("surveying", blocks, save, executor=_ALONE)
        return joined([load_survey(_file(folder, block)) or look(block) for block in blocks])

    def _cut(self, found: Survey, likeness: Mapping[int, Likeness], block: Box) -> Mapping[str, npt.NDArray[Any]]:
        core = self._in_volume(block)
        box = self.around(core)
        seeds, size = self._seeds(box), self.region.raw.voxel_size
        labels = cut_block(
            self._grey(box),
            seeds,
            box=box,
            found=found,
            likeness=likeness,
            voxel_size=size,
            settings=self.settings,
            prior=self._prior(box),
        )
        images = {name: (labels == value).astype(np.uint8) for value, name in enumerate(self.names, start=FIRST)}
        if TRAINING in images_of(self.names, self.settings):
            images[TRAINING] = without_rim(labels, seeds, rim=self.settings.rim, voxel_size=size)
        inner = core.shift([-a for a in box.start]).slices
        return {IMAGE: self.region.raw.read(core), **{name: image[inner] for name, image in images.items()}}

    def _in_volume(self, block: Box) -> Box:
        return block.shift(self.region.part.start)

    def _grey(self, box: Box) -> Grey:
        return to_uint8(self.region.graded.read(box))

    def _seeds(self, box: Box) -> Seeds:
        return self._of_part(self.region.seeds, box).astype(np.uint8)

    def _prior(self, box: Box) -> Probability | None:
        return None if self.prediction is None else as_probability(self._of_part(self.prediction, box))

    def _of_part(self, volume: Volume, box: Box) -> npt.NDArray[Any]:
        return self.region.of_part(volume).read(box.shift([-a for a in self.region.part.start]))


def plan_blocks(
    region: Region,
    *,
    names: Sequence[str],
    settings: Settings,
    prediction: Volume | None,
    progress: Progress = silent,
) -> ByBlocks:
    """Look through a region, and decide how it is cut.

    Raises
    ------
    VolumeError
        Seeds of a value that nothing was named for, or of which a kind is missing.
    BudgetError
        Supervoxels that depend on too much round a block, or too little memory for one.
    AsemError
        ``components`` are asked for, which only a cut at once can tell apart.
    """
    if settings.components:
        raise AsemError("what was found is cleaned up by grey (components) in parts of up to 512^3 voxels only: leave "
                        "it out, or cut a part (--roi)")  # fmt: skip
    halo = halo_of(settings, region.raw.voxel_size)
    core = triple([min(CORE, (WIDEST - 2 * h) // c * c) for h, c in zip(halo, CHUNK, strict=True)])
    if min(core) < 1:
        raise BudgetError(
            f"supervoxels of edge {settings.edge:g} that move {settings.iterations} times depend on {max(halo)} voxels "
            f"round a block, of {WIDEST} that are cut at once: cut a part (--roi), or let them move less often "
            "(--iterations)"
        )
    largest = Box.of_shape([min(c + 2 * h, n) for c, h, n in zip(core, halo, region.part.shape, strict=True)])
    check_memory(largest, region.raw, settings, remedy="free some, or cut a part (--roi)")
    kinds = find_kinds(region.of_part(region.seeds), progress=progress)
    check_named(region, kinds, names)
    check_both(region, kinds, names)
    check_grey(region.raw, grey=region.levels, box=region.part, progress=progress)
    return ByBlocks(region=region, names=names, settings=settings, prediction=prediction, core=core, halo=halo)


def halo_of(settings: Settings, voxel_size: VoxelSize) -> Triple:
    """Voxels round a core: at least `HALO`, and so many that supervoxels near the core are those of the whole."""
    side = settings.slic.side(voxel_size)
    some = Box.of_shape(side).grow([_CELLS * s for s in side])
    reaches = [settings.slic.context(some, voxel_size), some.grow(reach(voxel_size)),
               Box.of_shape(side).grow(radii(settings.grey_smooth, voxel_size))]  # fmt: skip
    return triple([max(HALO, *(s - 1 - box.start[axis] for box in reaches)) for axis, s in enumerate(side)])


def cut_block(
    grey: Grey,
    seeds: Seeds,
    *,
    box: Box,
    found: Survey,
    likeness: Mapping[int, Likeness],
    voxel_size: VoxelSize,
    settings: Settings,
    prior: Probability | None = None,
) -> Seeds:
    """The labels of ``box`` ``(z, y, x)``: the cut of what lies in it, by what all seeds of the region say.

    Parameters
    ----------
    grey, seeds, prior
        ``(z, y, x)`` of ``box``.
    found
        Of the region.
    likeness
        Learned from its examples.
    """
    levels = (found.darkest, found.brightest)
    prepared = prepare(grey, box=box, voxel_size=voxel_size, settings=settings, levels=levels)
    return solve(
        prepared,
        seeds,
        settings=settings,
        prior=prior,
        boundary=boundary_costs(prepared, settings, touching=found.touching),
        evidence=found.evidence(prepared, box, likeness=likeness, voxel_size=voxel_size, settings=settings),
    )


def _file(folder: Path, block: Box) -> Path:
    return folder / ("_".join(map(str, block.start)) + ".npz")


def _count(run: Run, name: str, blocks: Sequence[Box]) -> int:
    """Voxels of a label image, of what was written."""
    image = run.output.labels[name]
    return sum(map_blocks(lambda box: int(np.count_nonzero(image[box.slices])), blocks, sweep=f"counting {name}",
                          progress=run.progress))  # fmt: skip
