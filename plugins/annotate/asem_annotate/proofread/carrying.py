"""Operations on one label carried over to another one of the same place, such as the same cell segmented anew."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import attrs

from asem_annotate.proofread.ledger import append, in_force, of_label, read_log
from asem_annotate.proofread.operation import ACCEPT, DELETE, MERGE, REPLAY, SPLIT, Operation
from asem_annotate.proofread.operations import Given
from asem_annotate.proofread.proof import Proof, as_proof
from asem_annotate.proofread.sketch import found_again, id_at, most_of, voxel_at
from asem_annotate.proofread.turn import Turn, account, new_line, open_turn
from asem_core.errors import AsemError
from asem_core.home import local_path
from asem_core.progress import Progress, silent
from asem_core.volume import held


@attrs.frozen(kw_only=True)
class Replayed:
    """What `replay` did."""

    done: tuple[Operation, ...]
    left: tuple[str, ...]
    """In a line each, what could not be carried over and why."""
    before: int
    """Operations that an earlier replay carried over."""

    def __str__(self) -> str:
        earlier = f", {self.before} were before" if self.before else ""
        return "\n".join([*self.left, f"{len(self.done)} operations carried over{earlier}, {len(self.left)} not"])


def replay(
    labels: Given, source: str | Path | None = None, *, user: str | None = None, progress: Progress = silent
) -> Replayed:
    """Do again on a label what was done on another one; what was undone there is left out.

    Parameters
    ----------
    labels
        See `open_proof`.
    source
        The log of the other label; by default that of this one, where the label was made anew at its place.
    user
        Who replays. Lines that are added name who decided first.

    Raises
    ------
    AsemError
        There is nothing to replay.

    Notes
    -----
    Objects are found again by 32 of their voxels and their size, never by id: it is the object that holds most of those
    voxels, if the two overlap by half (intersection over union, as far as the voxels tell). Of a split its two points
    count, and it is cut anew. Stopped on the way, it goes on where it was.

    Examples
    --------
    >>> print(replay("again.zarr", "mito.zarr.mito_instances.proofread.jsonl"))  # doctest: +SKIP
    """
    proof = as_proof(labels)
    path = proof.log if source is None else local_path(source).resolve()
    lines = _of_other_label(proof, path)
    _turn_to(proof, path, origin=lines[-1].label, user=user or account())
    carried = {line.replays for line in of_label(proof.lines())}
    names = {f"{line.label}/{line.number}": line for line in in_force(lines)}
    waiting = {name: line for name, line in names.items() if name not in carried}
    done, left = [], []
    progress("replaying", 0, len(waiting))
    for count, (name, line) in enumerate(waiting.items(), start=1):
        try:
            with open_turn(proof, line.user, replays=name) as turn:
                done.append(_again(turn, line))
        except AsemError as error:
            left.append(f"{line.number}: {line.told}: {error}")
        progress("replaying", count, len(waiting))
    return Replayed(done=tuple(done), left=tuple(left), before=len(names) - len(waiting))


def _of_other_label(proof: Proof, path: Path) -> list[Operation]:
    """The last lines in the log at ``path`` that were written on one label: in its own log, on another one than now."""
    groups = [list(group) for _, group in groupby(read_log(path), key=lambda line: line.label)]
    if path == proof.log and groups and groups[-1][-1].label == proof.fingerprint:
        groups.pop()
    if not groups:
        raise AsemError(f"{path}: there are no operations on another label in it; give the log to replay (--from)")
    return groups[-1]


def _turn_to(proof: Proof, path: Path, *, origin: str, user: str) -> None:
    """Let the log go on with the label of ``proof``, where its last line is of another one."""
    with held(proof.log):
        lines = proof.lines()
        if not lines or lines[-1].label != proof.fingerprint:
            append(
                proof.log,
                new_line(proof, lines, operation=REPLAY, user=user, source=str(path), replays=origin),
            )


def _again(turn: Turn, line: Operation) -> Operation:
    if line.operation == SPLIT:
        return _split_again(turn, line)
    if line.operation == MERGE:
        where = {most_of(turn.proof, turn.edited, earlier)[0] for earlier in line.objects}
        if len(where) == 1:
            raise AsemError(f"they are one object already, {where.pop()}")
    ids = [found_again(turn.proof, turn.edited, earlier) for earlier in line.objects]
    if line.operation == MERGE:
        return turn.merge(list(dict.fromkeys(ids)))
    if line.operation == DELETE:
        return turn.delete(ids)
    if line.operation == ACCEPT:
        return turn.accept(ids)
    return turn.recategorise(ids, category=str(line.category))


def _split_again(turn: Turn, line: Operation) -> Operation:
    there = [id_at(turn.proof, turn.edited, point) for point in line.points_nm]
    if not all(there):
        raise AsemError("one of its points is in no object")
    if there[0] != there[1]:
        raise AsemError(f"its points are in two objects already, {there[0]} and {there[1]}")
    first, second = (voxel_at(turn.proof, point) for point in line.points_nm)
    return turn.split(there[0], points=(first, second))
