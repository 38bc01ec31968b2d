"""What an analysis is given: objects, raw and masks on one grid, opened and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.grid.place import clip
from asem_core.progress import Progress, silent
from asem_core.volume.check import WRITE_ANEW, check_values
from asem_core.volume.kind import Kind, check_is_labels, foreground, stated_kind
from asem_core.volume.opening import as_volume
from asem_core.volume.staging import readable_by_blocks
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from asem_core.registry import Registry

BLOCK: Triple = (128, 128, 128)


def _fraction(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 < value <= 1:
        raise VolumeError(f"the {attribute.name} of probabilities lies above 0 and is at most 1, got {value}")


@attrs.frozen(kw_only=True, eq=False)
class View:
    """Objects and what is known about their surroundings; all volumes have the shape and place of `objects`."""

    objects: Volume
    """Probabilities (uint8 0..255 or floats 0..1) or labels (integers, 0 is background)."""
    kind: Kind
    """Which of the two."""
    threshold: float = attrs.field(default=0.5, validator=_fraction)
    """A voxel belongs to an object where its probability is at least this."""
    raw: Volume | None = None
    """The image; None: not given."""
    cell_mask: Volume | None = None
    """Non-zero inside the cell."""
    others: Mapping[str, View] = attrs.field(factory=dict)
    """Objects of other organelles by name, in the order given; of these only `objects`, `mask` and what
    `asem_core.analysis.number_objects` gives mean anything."""
    scratch: Path
    """Folder for temporary files, removed after the analysis."""
    output: Path
    """Folder that will hold the tables; an analysis may put files of its own there."""
    block: Triple = BLOCK
    """Voxels per axis in which a whole volume is to be read. No result may depend on it."""
    progress: Progress = silent
    """Told how far an analysis is."""

    def __reduce__(self) -> tuple[Callable[[], View], tuple[()]]:
        """In another process blocks are read: no sweep begins there."""
        return partial(View, **attrs.asdict(self, recurse=False) | {"progress": silent}), ()

    @property
    def voxel_size(self) -> VoxelSize:
        """Of every volume of this view."""
        return self.objects.voxel_size

    @property
    def box(self) -> Box:
        """The whole volume."""
        return self.objects.box

    @property
    def blocks(self) -> list[Box]:
        """The whole volume cut into `block`."""
        return list(self.box.tiles(self.block))

    def mask(self, box: Box) -> npt.NDArray[np.bool_]:
        """Whether each voxel of ``box``, which lies in the volume, belongs to an object; ``(z, y, x)``."""
        return foreground(self.objects.read(box), kind=self.kind, threshold=self.threshold)


@contextmanager
def open_view(
    objects: Volume | str | Path,
    *,
    raw: Volume | str | Path | None = None,
    cell_mask: Volume | str | Path | None = None,
    others: Mapping[str, Volume | str | Path] | None = None,
    kind: Kind | None = None,
    other_kinds: Mapping[str, Kind] | None = None,
    threshold: float = 0.5,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    allow_unfinished: bool = False,
    registry: Registry | None = None,
    scratch: Path,
    output: Path,
    block: Triple = BLOCK,
    progress: Progress = silent,
) -> Iterator[View]:
    """Open the inputs of an analysis and lay them on each other. Where raw or masks are larger, they are cut.

    Parameters
    ----------
    objects
        Probabilities or labels: a volume, or its address in any format.
    raw, cell_mask, others
        Volumes on the same grid. Volumes of one shape lie on each other if one of them states no position; in every
        other case positions decide.
    kind
        Where the data does not say whether ``objects`` are labels or probabilities (uint8 in TIFF, HDF5 or a plain
        array).
    other_kinds
        The same of ``others``, by name.
    threshold
        For probabilities.
    voxel_size
        nm, for those inputs that do not state theirs.
    allow_unfinished
        Open also what is not whole: for looking, not for measuring.
    scratch, output
        Folders that exist; see `View`.

    Raises
    ------
    VolumeError
        An input cannot be opened, is NaN or outside [0, 1] in places, or may be labels as well as probabilities; or
        ``other_kinds`` names what ``others`` does not.
    GeometryError
        Inputs of different voxel sizes, a broken number of voxels apart, or that do not cover the objects.
    """
    opened = partial(
        as_volume, registry=registry, voxel_size=voxel_size, only_if_unstated=True, allow_unfinished=allow_unfinished
    )
    unknown = sorted(set(other_kinds or {}) - set(others or {}))
    if unknown:
        there = ", ".join(others or {}) or "none"
        raise VolumeError(f"--other-kind {unknown[0]}: no --other has that name; there are: {there}")
    with ExitStack() as stack:

        def ready(volume: Volume, name: str) -> Volume:
            check_values(volume, advice=WRITE_ANEW, progress=progress)
            return stack.enter_context(readable_by_blocks(volume, scratch / f"staged_{name}", progress=progress))

        def view_of(volume: Volume, name: str, held: Kind) -> View:
            if held == "labels":
                check_is_labels(volume)
            return View(
                objects=ready(_like(volume, frame), name),
                kind=held,
                threshold=threshold,
                scratch=scratch,
                output=output,
                block=block,
                progress=progress,
            )

        frame = opened(objects)
        # Settled first: staged copies and windows lie elsewhere, where nothing tells labels from probabilities.
        found = view_of(frame, "objects", stated_kind(frame, kind))
        beside = {name: opened(uri) for name, uri in (("raw", raw), ("cell_mask", cell_mask)) if uri is not None}
        yield attrs.evolve(
            found,
            raw=ready(_like(beside["raw"], frame), "raw") if "raw" in beside else None,
            cell_mask=ready(_like(beside["cell_mask"], frame), "cell_mask") if "cell_mask" in beside else None,
            others={
                name: view_of(
                    volume,
                    f"other_{name}",
                    stated_kind(volume, (other_kinds or {}).get(name), option=f"--other-kind {name}="),
                )
                for name, volume in ((name, opened(uri)) for name, uri in (others or {}).items())
            },
        )


def _like(volume: Volume, frame: Volume) -> Volume:
    """``volume`` cut to ``frame`` and at its place."""
    return attrs.evolve(
        clip(volume, frame), lower_edge_nm=frame.lower_edge_nm, states_place=frame.placed, voxel_size=frame.voxel_size
    )
