"""Seeds while they are painted: saved after every stroke, undone stroke by stroke, cut again and again.

Whatever shows them paints into `Session.seeds` and calls `Session.keep` after each stroke.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.correcting import Correction, choose_threshold, correct
from asem_annotate.correction import correct_labels
from asem_annotate.cutting import Cut, Organelle, cut, organelle_names
from asem_annotate.energy import boundary_costs
from asem_annotate.labelling import BACKGROUND, FIRST, NOTHING, Seeds, solve
from asem_annotate.prediction import Prediction, read_prediction
from asem_annotate.prepared import Floats, Prepared
from asem_annotate.region import Grey, check_any, check_both, kinds_of
from asem_annotate.scene import Scene, open_scene
from asem_annotate.sections import interpolate
from asem_annotate.seed_file import SeedFile, open_seed_file
from asem_annotate.settings import Settings, choose_settings, correction_settings
from asem_core.errors import AsemError
from asem_core.geometry import Box, BoxNm, VoxelSize
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import OrganelleSpec
from asem_core.volume import Volume, as_volume

HISTORY_BYTES = 256 * 2**20
"""What may be undone takes this much memory; the last change may always be."""


@attrs.frozen(kw_only=True, eq=False)
class Change:
    """What a stroke did."""

    at: npt.NDArray[np.int32]
    """Flat index of each voxel that changed."""
    before: Seeds
    after: Seeds

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return self.at.nbytes + self.before.nbytes + self.after.nbytes


class Session:
    """Seeds in a part of a volume, and what a cut makes of them; see `begin`."""

    def __init__(
        self,
        scene: Scene,
        file: SeedFile,
        *,
        organelles: Sequence[Organelle],
        settings: Settings,
        registry: Registry,
        grey: Grey = None,
        prediction: Prediction | None = None,
        threshold: float = 0.5,
    ) -> None:
        self.scene, self.file, self.settings = scene, file, settings
        self.names = organelle_names(organelles, registry)
        """Of the values from 2 up."""
        self.prediction, self.threshold = prediction, threshold
        self.seeds: Seeds = scene.strokes
        """``(z, y, x)``: 0 nothing, 1 background, 2 and up the organelles. Paint into it, then `keep`."""
        self._organelles, self._registry, self._grey = tuple(organelles), registry, grey
        self._kept = self.seeds.copy()
        self._done: deque[Change] = deque()
        self._undone: list[Change] = []
        self._prepared: tuple[Settings, Prepared, Floats] | None = None

    def keep(self) -> Box | None:
        """Save what was painted since the last time, as one change that can be undone.

        Returns
        -------
        Box or None
            Where something changed.

        Raises
        ------
        OutputError
            It cannot be saved. It stays in memory, and is saved the next time.
        """
        at = np.flatnonzero(self.seeds != self._kept).astype(np.int32)
        if not len(at):
            return None
        change = Change(at=at, before=self._kept.ravel()[at], after=self.seeds.ravel()[at])
        box = self._save(change, change.after)
        self._done.append(change)
        self._undone.clear()
        while len(self._done) > 1 and sum(each.bytes for each in self._done) > HISTORY_BYTES:
            self._done.popleft()
        return box

    def close(self) -> None:
        """Save what was painted, and let others paint."""
        self.keep()
        self.file.close()

    def undo(self) -> Box | None:
        """Take the last change back, on disk too; where it was, or None where there is none."""
        self.keep()
        if not self._done:
            return None
        change = self._done.pop()
        self._undone.append(change)
        return self._save(change, change.before)

    def redo(self) -> Box | None:
        """Make the last change that was taken back again; where it is, or None where there is none."""
        self.keep()
        if not self._undone:
            return None
        change = self._undone.pop()
        self._done.append(change)
        return self._save(change, change.after)

    def interpolate(self, *, axis: int = 0) -> Box | None:
        """Fill the sections between those that were drawn in full, see `asem_annotate.interpolate`; it can be undone.

        Raises
        ------
        AsemError
            Fewer than two sections are labelled.
        """
        self.keep()
        found = interpolate(self.seeds, voxel_size=self.scene.raw.voxel_size, axis=axis)
        self.seeds[...] = np.where(self.seeds == NOTHING, found, self.seeds)
        return self.keep()

    def sections(self, axis: int) -> list[int]:
        """Sections across ``axis`` in which something is marked."""
        others = tuple(a for a in range(3) if a != axis)
        return [int(n) for n in np.flatnonzero(self.seeds.any(axis=others))]

    def prepare(self, *, progress: Progress = silent) -> Prepared:
        """The prepared volume for the present settings; made once."""
        chosen = self.settings
        if self._prepared is None or self._prepared[0] != chosen:
            before = self._prepared
            if before is not None and before[0].of_preparation == chosen.of_preparation:
                prepared = before[1]
            else:
                prepared, _ = self.scene.prepare(chosen, progress=progress)
            self._prepared = (chosen, prepared, boundary_costs(prepared, chosen))
        return self._prepared[1]

    @property
    def prepared(self) -> Prepared | None:
        """What `prepare` made last; None before."""
        return None if self._prepared is None else self._prepared[1]

    def solve(self, seeds: Seeds, *, progress: Progress = silent) -> Seeds:
        """What the seeds make of the part: a cut, or where there is a prediction, its correction.

        Parameters
        ----------
        seeds
            A copy of `seeds`, so that painting can go on.

        Returns
        -------
        ndarray of uint8
            ``(z, y, x)``: 0 background, 2 and up the organelles.

        Raises
        ------
        VolumeError
            Seeds of a kind are missing.
        """
        if self.prediction is None:
            check_both(self.scene, kinds_of(seeds), self.names)
        else:
            check_any(self.scene, kinds_of(seeds))
        prepared = self.prepare(progress=progress)
        assert self._prepared is not None
        settings, _, boundary = self._prepared
        progress("cutting", 0, 1)
        if self.prediction is None:
            found = solve(prepared, seeds, settings=settings, boundary=boundary)
            found[found == BACKGROUND] = NOTHING
        else:
            p = self.prediction.probability
            made = correct_labels(prepared, p, seeds, settings=settings, threshold=self.threshold, boundary=boundary)
            found = made.labels * np.uint8(FIRST)
        progress("cutting", 1, 1)
        return found

    def write(self, output: str | Path, *, overwrite: bool = False, progress: Progress = silent) -> Cut | Correction:
        """Write what `solve` makes of the saved seeds, as `cut` or `correct` does.

        Raises
        ------
        AsemError
            As they.
        """
        self.keep()
        scene = self.scene
        more: dict[str, Any] = {"settings": self.settings, "grey": self._grey, "registry": self._registry}
        more |= {"roi": self.file.part, "overwrite": overwrite, "progress": progress}
        if self.prediction is None:
            return cut(scene.raw, self.file.path, output=output, organelle=self._organelles, **more)
        return correct(
            scene.raw,
            self.file.path,
            prediction=self.prediction.volume,
            output=output,
            organelle=self._organelles[0],
            threshold=self.threshold,
            **more,
        )

    def _save(self, change: Change, values: Seeds) -> Box:
        """Bring memory and disk to ``values`` where ``change`` is."""
        places = np.unravel_index(change.at, self.seeds.shape)
        box = Box([int(p.min()) for p in places], [int(p.max()) + 1 for p in places])
        self.seeds[places] = values
        self.file.write(self.seeds, box)
        self._kept[places] = values
        return box


def begin(
    volume: Volume | str | Path,
    seeds: str | Path,
    *,
    organelle: Organelle | Sequence[Organelle],
    prediction: Volume | str | Path | None = None,
    settings: Settings | None = None,
    threshold: float | None = None,
    roi: Box | BoxNm | None = None,
    grey: Grey = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    registry: Registry | None = None,
    progress: Progress = silent,
) -> Session:
    """Begin to paint seeds, or go on where an earlier session ended.

    Parameters
    ----------
    volume
        The image or its address.
    seeds
        OME-Zarr that is made; or that an earlier session made.
    organelle
        Of the value 2, or a sequence for 2, 3, and so on; one where there is a prediction.
    prediction
        Probability of the organelle: then it is corrected, by strokes where it is wrong.
    settings, threshold
        As in `cut` and `correct`.
    roi
        Part of the volume; by default that of the seeds, for new ones all of a small volume or 256 voxels a side of its
        middle.

    Raises
    ------
    AsemError
        As `cut`, and `asem_annotate.seed_file.open_seed_file`.
    """
    registry = registry or make_registry()
    organelles = [organelle] if isinstance(organelle, OrganelleSpec | str | Path) else list(organelle)
    names = organelle_names(organelles, registry)
    if prediction is not None and len(names) > 1:
        raise AsemError(f"a prediction is corrected for one organelle, got {', '.join(names)}: name that which was "
                        "predicted, and correct each prediction by itself")  # fmt: skip
    chosen = settings or (choose_settings if prediction is None else correction_settings)(names[0])
    least = choose_threshold(threshold, organelles[0], registry)
    raw = as_volume(volume, registry=registry, voxel_size=voxel_size)
    file = open_seed_file(seeds, raw, part=None if roi is None else raw.part(roi), names=names, registry=registry)
    try:
        scene = open_scene(
            raw, file.seeds, names=names, settings=chosen, registry=registry, grey=grey, progress=progress
        )
        session = Session(
            scene,
            file,
            organelles=organelles,
            settings=chosen,
            registry=registry,
            grey=grey,
            prediction=None if prediction is None else read_prediction(prediction, scene, registry=registry),
            threshold=least,
        )
        file.create(raw, names)
    except BaseException:
        file.close()
        raise
    return session
