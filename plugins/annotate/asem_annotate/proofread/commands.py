"""The commands ``asem proofread ...``."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asem_core.cli import FILE, ORGANELLE, PATH, PLACE, VOXEL_SIZE, progress_bar, shared_registry

if TYPE_CHECKING:
    from asem_annotate.proofread.doubt import By, Doubtful
    from asem_annotate.proofread.operation import Operation
    from asem_annotate.proofread.proof import Proof
    from asem_core.geometry import Triple, VoxelSize

_BY = ("doubt", "size", "probability", "contact", "face")


class _Voxel(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4 only
    """A voxel, z,y,x."""

    name = "z,y,x"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Triple:
        try:
            z, y, x = (int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"a voxel is z,y,x in whole numbers, such as 40,100,120; got {value!r}", param, ctx)
        return (z, y, x)


def _of_label(verb: Callable[..., None]) -> Callable[..., None]:
    """The argument LABELS and the options by which it is opened; the command is given the opened ``proof``."""

    @wraps(verb)
    def opened(
        labels: str,
        *,
        organelle: str | None,
        log: Path | None,
        probabilities: str | None,
        voxel_size: VoxelSize | None,
        **rest: Any,
    ) -> None:
        from asem_annotate.proofread.proof import open_proof
        from asem_core.organelles import name_of

        with progress_bar() as progress:
            proof = open_proof(
                labels,
                organelle=None if organelle is None else name_of(organelle),
                log=log,
                probabilities=probabilities,
                voxel_size=voxel_size,
                registry=shared_registry(),
                progress=progress,
            )
        verb(proof, **rest)

    for option in (
        click.option("--voxel-size", type=VOXEL_SIZE, help="nm, where LABELS do not state it."),
        click.option("--probabilities", type=PLACE, help="Probability map on the grid of LABELS; by default the one "
                     "that they were made from, where it lies in the same OME-Zarr."),
        click.option("--log", type=FILE, help="Where it is kept what was done; by default beside LABELS."),
        click.option("--organelle", type=ORGANELLE, help="Of which organelle, where LABELS hold objects of several, or "
                     "do not say."),
        click.argument("labels", type=PLACE),
    ):  # fmt: skip
        opened = option(opened)
    return opened


_USER = click.option("--user", metavar="NAME", help="Who says so; by default the name of the account.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
_IDS = click.argument("ids", type=int, nargs=-1, required=True)


@click.group()
def proofread() -> None:
    """Correct the objects of a segmentation: a queue, operations that can be undone, a log of who did what.

    LABELS is an OME-Zarr that `asem instances` or `asem segment --instances` made, or any volume of ids. It is only
    read: what is done stands in a log beside it, and `asem proofread write` makes a label of both.
    """


@proofread.command()
@_of_label
@click.option("--by", type=click.Choice(_BY), default="doubt", show_default=True,
              help="All reasons to doubt an object together, or one of them.")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="How many, at most.")
@click.option("--accepted", is_flag=True, help="Also those that were accepted.")
@_JSON
def queue(proof: Proof, *, by: By, top: int, accepted: bool, as_json: bool) -> None:
    """List objects, the most doubtful first: odd sizes, low probability, contact with others, cut by a face.

    \b
    Examples:
      asem proofread queue mito.zarr
      asem proofread queue mito_instances.zarr --by contact --top 50 --json
    """
    from asem_annotate.proofread.doubt import queue as run

    rows = run(proof, by=by, accepted=accepted)
    if as_json:
        click.echo(json.dumps([row.to_json() for row in rows[:top]], indent=2))
        return
    click.echo("    id  doubt  nm^3      mean p  contact  a voxel (z,y,x)")
    for row in rows[:top]:
        click.echo(_told(row))
    if len(rows) > top:
        click.echo(f"and {len(rows) - top:,} more")


def _told(row: Doubtful) -> str:
    mean = "-" if row.mean_probability is None else f"{row.mean_probability:.2f}"
    with_whom = f" with {row.neighbour}" if row.neighbour else ""
    remarks = [
        *(["at a face"] if row.at_face else []),
        *([row.category] if row.category else []),
        *(["accepted"] if row.accepted else []),
    ]
    return (
        f"{row.id:6} {row.doubt:6.2f}  {row.volume_nm3:<9.3g} {mean:6}  {row.contact:<4.0%}{with_whom:11}  "
        f"{','.join(map(str, row.inside))}  {', '.join(remarks)}"
    ).rstrip()


@proofread.command()
@_of_label
@_IDS
@_USER
@_JSON
def merge(proof: Proof, *, ids: tuple[int, ...], user: str | None, as_json: bool) -> None:
    """Make objects one, which keeps the first of IDS.

    \b
    Example:
      asem proofread merge mito.zarr 3 7
    """
    from asem_annotate.proofread.operations import merge as run

    _print(run(proof, ids, user=user), as_json=as_json)


@proofread.command()
@_of_label
@click.argument("number", metavar="ID", type=int)
@click.argument("points", type=_Voxel(), nargs=2)
@click.option("--image", type=PLACE, help="The cut follows its edges; by default those of the probability map.")
@_USER
@_JSON
def split(
    proof: Proof,
    *,
    number: int,
    points: tuple[Triple, Triple],
    image: str | None,
    user: str | None,
    as_json: bool,
) -> None:
    """Cut object ID in two between two of its voxels; the part of the second one becomes a new object.

    \b
    Example:
      asem proofread split mito.zarr 3 40,100,120 40,100,180
      asem proofread split mito.zarr 3 40,100,120 40,100,180 --image cell.zarr
    """
    from asem_annotate.proofread.operations import split as run
    from asem_core.volume import as_volume

    size = proof.volume.voxel_size
    grey = None if image is None else as_volume(image, registry=shared_registry(), voxel_size=size,
                                                only_if_unstated=True)  # fmt: skip
    _print(run(proof, number, points=points, image=grey, user=user), as_json=as_json)


@proofread.command()
@_of_label
@_IDS
@_USER
@_JSON
def delete(proof: Proof, *, ids: tuple[int, ...], user: str | None, as_json: bool) -> None:
    """Take objects away.

    \b
    Example:
      asem proofread delete mito.zarr 12 15
    """
    from asem_annotate.proofread.operations import delete as run

    _print(run(proof, ids, user=user), as_json=as_json)


@proofread.command()
@_of_label
@_IDS
@_USER
@_JSON
def accept(proof: Proof, *, ids: tuple[int, ...], user: str | None, as_json: bool) -> None:
    """Say that objects are right: they leave the queue until they are merged or split.

    \b
    Example:
      asem proofread accept mito.zarr 1 2 4
    """
    from asem_annotate.proofread.operations import accept as run

    _print(run(proof, ids, user=user), as_json=as_json)


@proofread.command()
@_of_label
@_IDS
@click.option("--as", "category", required=True, metavar="WORD", help="What they are, such as lysosome.")
@_USER
@_JSON
def recategorise(proof: Proof, *, ids: tuple[int, ...], category: str, user: str | None, as_json: bool) -> None:
    """Say that objects are something else: `write` puts them into a label image of their own.

    \b
    Example:
      asem proofread recategorise mito.zarr 9 --as lysosome
    """
    from asem_annotate.proofread.operations import recategorise as run

    _print(run(proof, ids, category=category, user=user), as_json=as_json)


@proofread.command()
@_of_label
@_USER
@_JSON
def undo(proof: Proof, *, user: str | None, as_json: bool) -> None:
    """Undo the last operation that holds; again, the one before it.

    \b
    Example:
      asem proofread undo mito.zarr
    """
    from asem_annotate.proofread.operations import undo as run

    _print(run(proof, user=user), as_json=as_json)


@proofread.command()
@_of_label
@click.option("--from", "source", type=FILE, help="Log of the other label; by default that of LABELS, which were made "
              "anew at their place.")  # fmt: skip
@_USER
@_JSON
def replay(proof: Proof, *, source: Path | None, user: str | None, as_json: bool) -> None:
    """Do again on LABELS what was done on an earlier segmentation of the same place.

    Objects are found again by where they lie and by their size. What cannot be carried over is said in a line each.

    \b
    Examples:
      asem proofread replay mito.zarr
      asem proofread replay again.zarr --from mito.zarr.mito_instances.proofread.jsonl
    """
    from asem_annotate.proofread.carrying import replay as run

    with progress_bar() as progress:
        made = run(proof, source, user=user, progress=progress)
    if as_json:
        done = [{"number": line.number, "replays": line.replays} for line in made.done]
        click.echo(json.dumps({"done": done, "left": made.left, "before": made.before}, indent=2))
    else:
        click.echo(f"{made}")


@proofread.command()
@_of_label
@_JSON
def log(proof: Proof, *, as_json: bool) -> None:
    """Say who did what, and what was undone.

    \b
    Example:
      asem proofread log mito.zarr
    """
    lines = proof.lines()
    if as_json:
        click.echo(json.dumps([json.loads(line.to_line()) for line in lines], indent=2))
        return
    undone = {line.undoes for line in lines if line.undoes}
    for line in lines:
        remark = ", undone" if line.number in undone else ""
        other = "" if line.label == proof.fingerprint else ", on another label"
        click.echo(f"{line}{remark}{other}")


@proofread.command()
@_of_label
@click.option("-o", "--output", type=PATH, required=True, help="OME-Zarr to make.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it is a volume already.")
@_JSON
def write(proof: Proof, *, output: Path, overwrite: bool, as_json: bool) -> None:
    """Write the objects as they are by the log: labels/ORGANELLE_proofread, and one for each category.

    \b
    Examples:
      asem proofread write mito.zarr -o mito_proofread.zarr
      asem analyze objects mito_proofread.zarr/labels/mito_proofread -o objects/
    """
    from asem_annotate.proofread.written import write as run

    with progress_bar() as progress:
        made = run(proof, output, overwrite=overwrite, progress=progress)
    if as_json:
        said = {"output": str(made.path), "objects": dict(made.objects), "operations": made.operations}
        click.echo(json.dumps(said, indent=2))
    else:
        click.echo(f"{made}")


def _print(done: Operation, *, as_json: bool) -> None:
    click.echo(json.dumps({"number": done.number, "operation": done.operation, "ids": list(done.ids)}, indent=2)
               if as_json else f"{done}")  # fmt: skip
