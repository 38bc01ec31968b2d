"""A run that reads volumes and writes one: begun or resumed, block by block, and whole when it has ended.

::

    guard      nothing that is read lies where it is written; what is replaced is ASEM's own; nobody else is writing
      -> begin | resume    journal beside the output; the output says itself that it is unfinished
      -> fill              sweeps of blocks, the client's: Run.sweep, Run.each, Run.readable
      -> pyramid           levels above 0
      -> verify            every piece on disk against its digest; what differs is made again
      -> finish            the mark is taken away, or the hidden name; temporary copies are removed

On a disk what replaces an earlier output, or cannot say that it is unfinished, is written under a hidden name and
renamed at the end. A bucket has no renaming: there an earlier output is marked unfinished first, and then removed.

A client describes the output and its settings as a `Job` and writes ``fill`` as if there were no kill: whatever was
done before is not done again. Running a finished job again verifies it and repairs what is damaged.
"""

from __future__ import annotations

import logging
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import numpy.typing as npt

from asem_core.blocks import journal as journals
from asem_core.blocks.executors import Task
from asem_core.blocks.fill import Run
from asem_core.blocks.journal import End, Head, Journal
from asem_core.blocks.verify import Damage, find_damage, is_scratch
from asem_core.errors import ClusterError, ModelError, OutputError, PluginError, ResumeError, VolumeError
from asem_core.geometry import Box
from asem_core.progress import Progress, silent
from asem_core.volume.address import Location, on_disk
from asem_core.volume.formats.ome_write import FINGERPRINT
from asem_core.volume.identity import change_in_words
from asem_core.volume.output import check_replaceable, check_room, explain_os, held, hidden, place_of_volume
from asem_core.volume.places import exists, publish, remove
from asem_core.volume.unfinished import Unfinished, find_unfinished, unfinished_place
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from asem_core.volume.formats.ome_write import LevelBlock

log = logging.getLogger(__name__)

CREATE, PYRAMID = "create", "pyramid"
_SCRATCH_MARK = "asem-work.json"
_CUT_SHORT = re.compile(r"\.[0-9a-f]{32}\.partial$")
"""A file that Zarr was writing when the run was killed."""
_ATTEMPTS = 2
"""How often damaged pieces are made again before the disk is blamed."""


class Output(Protocol):
    """What is written, opened for writing: an OME-Zarr or TIFF."""

    def write(self, box: Box, found: Mapping[str, npt.NDArray[Any]]) -> dict[str, str]:
        """Write ``box`` and return the digest of every piece."""
        ...

    def frame(self) -> dict[str, str]:
        """Digests of what was created before the first voxel."""
        ...

    def pyramid(self) -> list[list[LevelBlock]]:
        """Per level above 0, its blocks."""
        ...

    def reduce(self, block: LevelBlock) -> dict[str, str]:
        """Make a block of a level above 0 and return the digest of every piece."""
        ...


class OutputPlan(Protocol):
    """An output that is to be made."""

    @property
    def bytes(self) -> int:
        """What it takes on disk at most."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """What its files depend on; JSON types."""
        ...

    def place(self, destination: Location) -> Location:
        """Where it is written until it is whole."""
        ...

    def create(self, path: Path, *, provenance: Mapping[str, Any]) -> Output:
        """Create it; no voxel is written."""
        ...

    def open(self, path: Location, *, provenance: Mapping[str, Any], mend: bool = True) -> Output:
        """Open what `create` made with ``provenance``; ``mend``: what was lost or changed of it is made anew."""
        ...

    def run_of(self, path: Location) -> str | None:
        """The fingerprint that what lies at ``path`` states; empty: somebody else's; None: absent, or too damaged."""
        ...

    def mark(self, path: Location, mark: Unfinished) -> None:
        """Let the output at ``path`` say that it is unfinished."""
        ...

    def unmark(self, path: Location) -> None:
        """Let it say so no longer."""
        ...


@attrs.frozen(kw_only=True, eq=False)
class Job:
    """What is to be made, from what, and how."""

    verb: str
    """The command, such as ``asem segment``."""
    destination: Location
    plan: OutputPlan
    fill: Callable[[Run], None]
    """Writes all of level 0 through the `Run` that it is given."""
    inputs: Mapping[str, Volume]
    """What is read, by role."""
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    """All that the voxels depend on beside inputs and plan; JSON types."""
    chosen: Mapping[str, Any] = attrs.field(factory=dict)
    """What was chosen for this machine, to be used again on resume; part of ``settings`` too where voxels depend on
    it."""
    provenance: Mapping[str, Any] = attrs.field(factory=dict)
    """For the output's metadata."""
    scratch_bytes: int = 0
    """Disk that temporary copies take at most."""

    @property
    def all_settings(self) -> dict[str, Any]:
        """All that the output depends on; JSON types."""
        return {
            "verb": self.verb, **self.settings,
            "inputs": {role: identity_as_read(volume) for role, volume in self.inputs.items()},
            "output": self.plan.settings,
        }  # fmt: skip

    @property
    def fingerprint(self) -> str:
        """Digest of `all_settings`."""
        return journals.fingerprint(self.all_settings)

    @property
    def signed_provenance(self) -> dict[str, Any]:
        """`provenance` with the fingerprint, by which the output is known again."""
        return {**self.provenance, FINGERPRINT: self.fingerprint}


@attrs.frozen(kw_only=True)
class Done:
    """A job that has ended."""

    path: Location
    """Where its output lies."""
    results: Mapping[str, Any]
    """What ``fill`` put into `Run.results`."""


def run(job: Job, *, overwrite: bool = False, progress: Progress = silent) -> Done:
    """Carry out ``job``, or what is left of it.

    Parameters
    ----------
    overwrite
        Begin anew, and replace what ASEM wrote at the destination.

    Raises
    ------
    ResumeError
        The destination holds a run with other settings, finished or not.
    OutputError
        Something else is in the way; see `asem_core.volume.output`.
    BlockError
        Some blocks failed; the others are kept.
    """
    destination = place_of_volume(job.destination, inputs=job.inputs.values())
    try:
        return Done(path=destination, results=_alone(job, destination, overwrite=overwrite, progress=progress))
    finally:
        if not isinstance(destination, Path):
            with suppress(OSError):  # temporary copies, for whoever goes on
                scratch_folder(destination).parent.rmdir()


def _alone(job: Job, destination: Location, *, overwrite: bool, progress: Progress) -> Mapping[str, Any]:
    """The run, once it is known that there is room and that nobody else writes there."""
    earlier = _earlier(job, destination, overwrite=overwrite)
    if earlier is None:
        of_output = job.plan.bytes if isinstance(destination, Path) else 0
        check_room(scratch_folder(destination).parent, of_output + job.scratch_bytes)
    with held(destination) as check_held:

        def watched(sweep: str, done: int, total: int) -> None:
            check_held()
            progress(sweep, done, total)

        try:
            return _run(job, destination, _earlier(job, destination, overwrite=overwrite), watched)
        except OSError as error:
            raise explain_os(error, destination) from error


def earlier_run(destination: Location) -> Journal | None:
    """The journal of the run that wrote, or began to write, the OME-Zarr ``destination``; None where there is none."""
    found = place_of_volume(destination)
    return journals.load(found) if exists(found) else None


def finishing_command() -> str:
    """What is typed, or called, to go on with this run: ``--overwrite`` would begin it anew."""
    if Path(sys.argv[0]).name in ("asem", "asem.exe"):
        words = [word for word in sys.argv[1:] if word != "--overwrite"]
        return f"{shlex.join(['asem', *words])} (in {Path.cwd()})"
    return f"the same call again (from {Path(sys.argv[0]).name or 'Python'} in {Path.cwd()})"


def scratch_folder(destination: Location) -> Path:
    """Where a run keeps temporary copies; removed when it is complete."""
    return hidden(destination, "work")


def _earlier(job: Job, destination: Location, *, overwrite: bool) -> Journal | None:
    """The run to go on with; None: one begins anew."""
    is_there = exists(destination)
    if overwrite:
        if is_there:
            check_replaceable(destination)
        return None
    journal, place = journals.load(destination), _place(job, destination)
    there = place if exists(place) else destination
    expected = journal is not None and (there == destination or not is_there or journal.head.replaces)
    # In a bucket a kill may leave a part of what is created; before the first record nothing is lost by beginning anew.
    begun = journal is not None and (isinstance(destination, Path) or bool(journal.records))
    if journal and begun and expected and _is_output(journal, there, stated=job.plan.run_of(there)):
        if journal.head.fingerprint == job.fingerprint:
            return journal
        changed = "; ".join(_changes(journal.head.settings, job.all_settings))
        if not journal.complete:
            raise ResumeError(
                f"{destination} is an unfinished run with other settings ({changed}): repeat them to resume, "
                "or pass --overwrite to begin anew"
            )
        raise ResumeError(
            f"{destination} exists already, made with other settings ({changed}); "
            "use --overwrite to replace it, or another name"
        )
    if is_there:
        mark = find_unfinished(destination)
        if mark is None or mark.fingerprint != job.fingerprint:
            raise OutputError(f"{destination} exists already; use --overwrite to replace it, or another name")
        check_replaceable(destination)
    return None


def _is_output(journal: Journal, path: Location, *, stated: str | None) -> bool:
    """Whether the run of ``journal`` made ``path``: as it states, or where it cannot, by what is in it."""
    if stated is not None:
        return stated == journal.head.fingerprint
    pieces = sum(len(record.pieces) for record in journal.records.values())
    return exists(path) and len(find_damage(journal, path).pieces) < pieces / 2


def _run(job: Job, destination: Location, earlier: Journal | None, progress: Progress) -> Mapping[str, Any]:
    if earlier is None:
        journal, output = _begin(job, destination)
    else:
        journal = earlier
        if journal.complete and not _damage(journal, destination, progress) and not find_unfinished(destination):
            _tidy(destination)
            return journal.ends[0].results
        output = _reopen(job, destination, journal)
    place = _place(job, destination)
    scratch = _scratch(destination, job.fingerprint, journal)
    under_way = Run(output=output, scratch=scratch, progress=progress, journal=journal)
    try:
        _fill(job, destination, place, under_way)
    except (PluginError, ModelError, ClusterError, VolumeError):
        if earlier is None and not any(record.failed is None for record in journal.after(CREATE)):
            _abandon(destination, place)
        raise
    _finish(job, destination, place, journal, under_way.results)
    return under_way.results


def _fill(job: Job, destination: Location, place: Location, under_way: Run) -> None:
    """Make what is not there, until every piece on disk is what was written."""
    journal, output, progress = under_way.journal, under_way.output, under_way.progress
    for _ in range(_ATTEMPTS):
        under_way.sweep(CREATE, ["all"], Task(write=lambda *_: output.frame()))
        job.fill(under_way)
        for level, blocks in enumerate(output.pyramid(), start=1):
            under_way.sweep(f"{PYRAMID} {level}", blocks, Task(write=lambda block, _: output.reduce(block)))
        damage = _damage(journal, place, progress)
        if not damage:
            break
        log.warning("%s: %s pieces differ from what was written; they are made again", destination, len(damage.pieces))
        job.plan.open(place, provenance=job.signed_provenance)
        _forget(journal, damage)
    else:
        raise OutputError(
            f"{destination}: {len(damage.pieces)} pieces on disk, such as {damage.pieces[0]}, are not what was written "
            "a moment ago: check the disk, then run the same command again"
        )


def _abandon(destination: Location, place: Location) -> None:
    """Leave nothing of a run whose every block would have failed."""
    remove(place)
    journals.remove(destination)
    _tidy(destination)


def _place(job: Job, destination: Location) -> Location:
    """Where the output is written: hidden while an earlier one stands there, or where ``job.plan`` hides it."""
    if isinstance(destination, Path) and unfinished_place(destination).exists():
        return unfinished_place(destination)
    return job.plan.place(destination)


def _begin(job: Job, destination: Location) -> tuple[Journal, Output]:
    mark = Unfinished(command=finishing_command(), fingerprint=job.fingerprint)
    head = Head(
        verb=job.verb,
        command=mark.command,
        fingerprint=job.fingerprint,
        settings=job.all_settings,
        chosen=job.chosen,
        replaces=isinstance(destination, Path) and destination.exists(),
    )
    _tidy(destination)
    place = _emptied(job, destination, mark, replaces=head.replaces)
    # The output appears with its mark or not at all, and not before the journal.
    partial = hidden(destination, "partial")
    job.plan.create(partial, provenance=job.signed_provenance)
    job.plan.mark(partial, mark)
    journal = journals.start(destination, head)
    publish(partial, place)
    return journal, job.plan.open(place, provenance=job.signed_provenance, mend=False)


def _emptied(job: Job, destination: Location, mark: Unfinished, *, replaces: bool) -> Location:
    """Where the output will be written, with nothing there."""
    if isinstance(destination, Path):
        remove(unfinished_place(destination))
        return unfinished_place(destination) if replaces else job.plan.place(destination)
    if exists(destination):  # until it is gone, it says that it is what this run will make
        job.plan.mark(destination, mark)
        journals.remove(destination)
        remove(destination)
    return job.plan.place(destination)


def _reopen(job: Job, destination: Location, journal: Journal) -> Output:
    """The output of an earlier run, for writing on; of a finished one, what is damaged is not done."""
    mark, place = Unfinished(command=finishing_command(), fingerprint=job.fingerprint), _place(job, destination)
    if isinstance(destination, Path) and place != destination and destination.exists() and not exists(place):
        publish(destination, place)
    output = job.plan.open(place, provenance=job.signed_provenance)
    job.plan.mark(place, mark)
    journal.forget([])
    for leftover in place.rglob("*.partial") if isinstance(place, Path) and place.is_dir() else ():
        if _CUT_SHORT.search(leftover.name):
            leftover.unlink()
    _forget(journal, find_damage(journal, place))
    return output


def _scratch(destination: Location, fingerprint: str, journal: Journal) -> Path:
    """The folder of temporary copies: that of the run until now where it is whole, else an empty one."""
    folder = scratch_folder(destination)
    mark = folder / _SCRATCH_MARK
    whole = mark.is_file() and mark.read_bytes() == fingerprint.encode()
    if not whole or find_damage(journal, folder, scratch=True):
        journal.forget([key for key in journal.records if is_scratch(journal, key[0])])
        remove(folder)
        folder.mkdir()
        mark.write_bytes(fingerprint.encode())
    return folder


def _damage(journal: Journal, place: Location, progress: Progress) -> Damage:
    return find_damage(journal, place, progress=progress)


def _forget(journal: Journal, damage: Damage) -> None:
    """Blocks that wrote damaged pieces are not done, nor is the pyramid over them."""
    if not damage:
        return
    pyramid = [key for key in journal.records if key[0].startswith(f"{PYRAMID} ")]
    base = any(not sweep.startswith(f"{PYRAMID} ") and sweep != CREATE for sweep, _ in damage.blocks)
    journal.forget({*damage.blocks, *(pyramid if base else ())})


def _finish(job: Job, destination: Location, place: Location, journal: Journal, results: Mapping[str, Any]) -> None:
    if place != destination and exists(destination) and not journal.head.replaces:
        raise OutputError(
            f"{destination} was put there while its run was under way: move it elsewhere, then run the same command "
            f"again; the run's own output is whole and waits as {place.name}"
        )
    job.plan.unmark(place)
    if isinstance(place, Path) and place != destination:
        _rename(place, on_disk(destination))
    journal.end(End(ended=time.strftime("%Y-%m-%dT%H:%M:%S%z"), results=results))
    _tidy(destination)


def _rename(place: Path, destination: Path) -> None:
    if destination.exists():
        check_replaceable(destination)  # somebody may have changed it meanwhile
        destination.rename(hidden(destination, "old"))
    place.rename(destination)


def _tidy(destination: Location) -> None:
    """Remove what this run, or kills, left beside the output."""
    for path in (scratch_folder(destination), hidden(destination, "partial"), hidden(destination, "old")):
        remove(path)


def identity_as_read(volume: Volume) -> dict[str, Any]:
    """What tells ``volume`` from another one, and from itself on another grid or at another place; JSON types."""
    return {
        **volume.identity, "read_as": {
            "shape": list(volume.shape), "voxel_size_nm": list(volume.voxel_size.zyx),
            "lower_edge_nm": list(volume.lower_edge_nm), "placed": volume.placed,
        },
    }  # fmt: skip


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    """What differs between two settings, in words."""
    old, new = _flat(before), _flat(now)
    for key in [*new, *(key for key in old if key not in new)]:
        if old.get(key) != new.get(key):
            what, _, field = key.rpartition(".")
            if field == "digest":
                yield f"{what} {change_in_words(str(old.get(key, '')), str(new.get(key, '')))}"
            else:
                yield f"{key} was {old.get(key)}, now {new.get(key)}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found
