"""What can be done to objects: each function reads the boxes of what it touches and adds a line to the log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asem_annotate.proofread.operation import Operation
from asem_annotate.proofread.proof import Proof, as_proof
from asem_annotate.proofread.turn import open_turn
from asem_annotate.settings import Settings
from asem_core.geometry import Triple
from asem_core.volume import Volume

Given = Proof | Volume | str | Path
"""A label, opened by `open_proof` or not."""


def merge(labels: Given, ids: Sequence[int], *, user: str | None = None) -> Operation:
    """Make several objects one, which keeps the first of ``ids``.

    Parameters
    ----------
    labels
        See `open_proof`.
    ids
        Two objects or more. Where they do not all touch, a warning is logged.
    user
        Who says so; by default the name of the account.

    Raises
    ------
    AsemError
        There is no such object, or the last operation was made on another label.

    Examples
    --------
    >>> merge("mito_instances.zarr", (3, 7))  # doctest: +SKIP
    """
    with open_turn(as_proof(labels), user) as turn:
        return turn.merge(ids)


def split(
    labels: Given,
    number: int,
    *,
    points: tuple[Triple, Triple],
    image: Volume | str | Path | None = None,
    settings: Settings | None = None,
    user: str | None = None,
) -> Operation:
    """Cut an object in two, between two points, by a graph cut; the part of the second point becomes a new object.

    Parameters
    ----------
    points
        Two voxels of the object (z, y, x).
    image
        The cut follows its edges: grey values on the grid of the label, as `asem_annotate.cut` takes them. By default
        the probability map. Narrow places count in any case.
    settings
        Of the cut; by default `asem_annotate.proofread.halving.settings_of`.

    Raises
    ------
    AsemError
        As `merge`; or a point lies elsewhere, or both are one voxel.
    BudgetError
        The box of the object has more than 512^3 voxels, or than memory.

    Examples
    --------
    >>> split("mito_instances.zarr", 3, points=((40, 100, 120), (40, 100, 180)))  # doctest: +SKIP
    """
    with open_turn(as_proof(labels), user) as turn:
        return turn.split(number, points=points, image=image, settings=settings)


def delete(labels: Given, ids: Sequence[int], *, user: str | None = None) -> Operation:
    """Take objects away: their voxels become background. Raises as `merge`."""
    with open_turn(as_proof(labels), user) as turn:
        return turn.delete(ids)


def accept(labels: Given, ids: Sequence[int], *, user: str | None = None) -> Operation:
    """Say that objects are right: they leave the queue until they are merged or split. Raises as `merge`."""
    with open_turn(as_proof(labels), user) as turn:
        return turn.accept(ids)


def recategorise(labels: Given, ids: Sequence[int], *, category: str, user: str | None = None) -> Operation:
    """Say that objects are something else.

    Parameters
    ----------
    category
        What they are, a word such as the name of an organelle: `write` puts them into ``labels/<category>_proofread``,
        with their ids. That of the label itself takes it back.

    Raises
    ------
    AsemError
        As `merge`, or a category that cannot name a label image.
    """
    with open_turn(as_proof(labels), user) as turn:
        return turn.recategorise(ids, category=category)


def undo(labels: Given, *, user: str | None = None) -> Operation:
    """Undo the last operation that holds; again, the one before it. Both stay in the log.

    Raises
    ------
    AsemError
        Nothing is left to undo, or the last operation was made on another label.
    """
    with open_turn(as_proof(labels), user) as turn:
        return turn.undo()


def log(labels: Given) -> list[Operation]:
    """Every line of the log of a label, the oldest first; also those on other labels that were in its place."""
    return as_proof(labels).lines()
