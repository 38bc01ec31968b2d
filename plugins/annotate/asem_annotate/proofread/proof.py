"""A label under proofreading: what is read, the log of what was done, and the objects as they are by that log."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.proofread.edited import Edited
from asem_annotate.proofread.ledger import in_force, of_label, read_log
from asem_annotate.proofread.operation import Operation
from asem_annotate.proofread.table import Ids, Table, empty_table, joined, measure, whole_numbers
from asem_annotate.store import load_arrays, save_arrays
from asem_core.blocks import map_blocks
from asem_core.errors import AsemError, GeometryError
from asem_core.geometry import Box, VoxelSize
from asem_core.home import local_path
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.volume import (
    Volume,
    as_volume,
    check_folder,
    holds_probabilities,
    image_of_labels,
    open_labels,
    open_volume,
)

log = logging.getLogger(__name__)

INSTANCES, PROOFREAD = "_instances", "_proofread"
"""At the end of the name of a label image: what is read, and what `write` makes."""
_BLOCK = 128
_VERSION = "1"
"""Changes whenever the table of a label has other numbers or another form."""


@attrs.frozen(kw_only=True, eq=False)
class Proof:
    """A label that is proofread. It is only read; `asem_annotate.proofread.write` makes another one."""

    volume: Volume
    """Ids ``(z, y, x)``, 0 for background."""
    organelle: str
    image: Volume | None
    """What the label was drawn on, where it lies in an OME-Zarr."""
    probability: Volume | None
    table: Table
    """Its objects, before any operation."""
    log: Path

    @property
    def fingerprint(self) -> str:
        """Of the label; the same for a copy of it elsewhere."""
        return self.table.fingerprint

    def ids(self, box: Box) -> Ids:
        """The label in ``box`` as it is read."""
        return whole_numbers(self.volume.read(box), uri=self.volume.uri)

    def probabilities(self, box: Box) -> npt.NDArray[np.floating] | None:
        """The probability map in ``box``, 0 to 1; None where there is none."""
        return None if self.probability is None else _unit(self.probability.read(box))

    def lines(self) -> list[Operation]:
        """The log, as it is now."""
        return read_log(self.log)

    def edited(self, lines: Sequence[Operation] | None = None) -> Edited:
        """The label as it is by its log.

        Parameters
        ----------
        lines
            The log, where it was read already.

        Raises
        ------
        AsemError
            The last operation was made on another label.
        """
        lines = self.lines() if lines is None else lines
        if lines and lines[-1].label != self.fingerprint:
            raise AsemError(
                f"{self.log}: its last operation was made on another label than {self.volume.uri} is now; "
                f"`asem proofread replay {self.volume.uri}` carries them over, or move the log away to begin anew"
            )
        return self.edited_by(in_force(of_label(lines)))

    def edited_by(self, operations: Sequence[Operation]) -> Edited:
        """The label as it is by ``operations``."""
        return Edited.of(self.table, operations, read=self.ids)


def open_proof(
    labels: Volume | str | Path,
    *,
    organelle: str | None = None,
    log: str | Path | None = None,
    probabilities: Volume | str | Path | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    registry: Registry | None = None,
    progress: Progress = silent,
) -> Proof:
    """Open a label to proofread it.

    Parameters
    ----------
    labels
        An OME-Zarr with ``labels/<organelle>_instances``, such as `asem_core.instances` makes; or a volume of ids
        itself, or its address.
    organelle
        What the objects are; by default what the label image is called.
    log
        Where it is logged what is done; by default beside ``labels``.
    probabilities
        On the grid of the label; by default the map that it was made from, where it lies in the same OME-Zarr.
    voxel_size
        nm (z, y, x), where the data does not state it.

    Raises
    ------
    VolumeError
        No ids.
    AsemError
        Several labels, or none; or there is no place for the log.
    GeometryError
        The probability map has another shape.

    Notes
    -----
    The first time, the whole label is read once, to count its objects: what was found is kept beside the log, and made
    again where the label has changed.
    """
    registry = registry or make_registry()
    volume, name = _open(labels, organelle, registry=registry, voxel_size=voxel_size)
    place = image_of_labels(volume)
    path = (_log_path(volume, place, name) if log is None else local_path(log)).resolve()
    if log is not None:
        check_folder(path.parent, inputs=[volume])
    image = None if place is None else open_volume(place, registry=registry)
    if image is not None and image.shape != volume.shape:
        image = None
    if probabilities is None:
        probability = image if place is not None and holds_probabilities(place) else None
    else:
        probability = as_volume(probabilities, registry=registry, voxel_size=volume.voxel_size, only_if_unstated=True)
    if probability is not None and probability.shape != volume.shape:
        raise GeometryError(
            f"{probability.uri} is {probability.shape} voxels, {volume.uri} is {volume.shape}: the probability map is "
            "that of the label"
        )
    proof = Proof(
        volume=volume,
        organelle=name.removesuffix(INSTANCES).removesuffix(PROOFREAD),
        image=image,
        probability=probability,
        table=empty_table(),
        log=path,
    )
    return attrs.evolve(proof, table=_table(proof, progress))


def as_proof(given: Proof | Volume | str | Path) -> Proof:
    """``given``, opened if it is not yet."""
    return given if isinstance(given, Proof) else open_proof(given)


def _open(
    labels: Volume | str | Path,
    organelle: str | None,
    *,
    registry: Registry,
    voxel_size: VoxelSize | Sequence[float] | None,
) -> tuple[Volume, str]:
    """The label, and what it is called."""
    if isinstance(labels, Volume):
        return labels, organelle or Path(labels.uri).stem
    names = sorted(path.name for path in (Path(labels).expanduser() / "labels").glob(f"*{INSTANCES}"))
    if organelle is None and len(names) > 1:
        known = ", ".join(name.removesuffix(INSTANCES) for name in names)
        raise AsemError(f"{labels} has objects of {known}: say which (--organelle)")
    if organelle is None and not names and (Path(labels).expanduser() / "labels").is_dir():
        raise AsemError(
            f"{labels} has no labels/*{INSTANCES}: make them (`asem instances`), or name another label image itself"
        )
    name = names[0] if names and organelle is None else f"{organelle}{INSTANCES}" if organelle else None
    volume = open_labels(labels, name or "instances", registry=registry, voxel_size=voxel_size)
    where = Path(volume.uri)
    called = (where.parent if where.name == "0" else where).stem
    return volume, name or called


def _log_path(volume: Volume, image: str | None, name: str) -> Path:
    if "://" in volume.uri or not Path(volume.uri).is_absolute():
        raise AsemError(f"{volume.uri}: nothing can be written beside it; say where the log belongs (--log)")
    beside = Path(volume.uri) if image is None else Path(image)
    middle = "" if image is None else f".{name}"
    return beside.with_name(f"{beside.name}{middle}.proofread.jsonl")


def _table(proof: Proof, progress: Progress) -> Table:
    """The objects of the label: as they were counted before, where nothing has changed."""
    kept = proof.log.with_suffix(".npz")
    names = [field.name for field in attrs.fields(Table)]
    made_from = {
        "version": _VERSION, "labels": dict(proof.volume.identity),
        "probabilities": None if proof.probability is None else dict(proof.probability.identity),
    }  # fmt: skip
    found = load_arrays(kept, made_from, names=names)
    if found is not None:
        return Table(**found)
    table = _count(proof, progress)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_arrays(kept, attrs.asdict(table), made_from)
    except OSError as error:
        log.warning("%s cannot be written (%s): objects are counted anew each time", kept, error.strerror)
    return table


def _count(proof: Proof, progress: Progress) -> Table:
    whole = proof.volume.box

    def look(core: Box) -> Table:
        box = Box(core.start, [n + 1 for n in core.stop]).intersect(whole)
        ids = proof.ids(box)
        if not ids.any():
            return empty_table()
        return measure(ids, box, core=core, probability=proof.probabilities(core))

    plane = math.prod(whole.shape[1:])
    side = (max(1, _BLOCK**3 // plane), *whole.shape[1:]) if proof.volume.planewise else _BLOCK
    blocks = list(whole.tiles(side))
    return joined(map_blocks(look, blocks, sweep="counting objects", progress=progress))


def _unit(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    scale = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1
    return values.astype(np.float32) / np.float32(scale)
