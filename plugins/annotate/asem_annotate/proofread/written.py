"""The label as it is by its log, as a volume of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from importlib_metadata import version

from asem_annotate.proofread.edited import Edited
from asem_annotate.proofread.operations import Given
from asem_annotate.proofread.proof import PROOFREAD, Proof, as_proof
from asem_annotate.write import CHUNK
from asem_core.blocks import Job, Run, produce, run
from asem_core.errors import OutputError
from asem_core.geometry import Box, Triple
from asem_core.home import local_path
from asem_core.progress import Progress, silent
from asem_core.volume import IMAGE, ArrayPlan, OmePlan, provenance, staged_bytes

VERB = "asem proofread write"
_BLOCK: Triple = (128, 128, 128)


@attrs.frozen(kw_only=True)
class Written:
    """What `write` made."""

    path: Path
    """OME-Zarr: the image of the label, or the label as it was, and the label images `objects`."""
    objects: Mapping[str, int]
    """How many there are by the name of the label image: ``<organelle>_proofread``, and one for every category."""
    operations: int
    """That hold."""

    def __str__(self) -> str:
        found = ", ".join(f"{count:,} objects in labels/{name}" for name, count in self.objects.items())
        return f"{self.path}: {found}, after {self.operations} operations"


def write(labels: Given, output: str | Path, *, overwrite: bool = False, progress: Progress = silent) -> Written:
    """Write a label as it is by its log; the label itself, and the log, stay as they are.

    Parameters
    ----------
    labels
        See `open_proof`.
    output
        OME-Zarr to make: ``labels/<organelle>_proofread``, ids as in the queue, and ``labels/<category>_proofread`` for
        objects that were recategorised.

    Raises
    ------
    AsemError
        The last operation was made on another label.
    OutputError
        See `asem_core.blocks.run`.

    Examples
    --------
    >>> print(write("mito_instances.zarr", "mito_proofread.zarr"))  # doctest: +SKIP
    """
    proof = as_proof(labels)
    edited = proof.edited()
    destination = local_path(output)
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: a label is written as an OME-Zarr; name it NAME.zarr")
    members = _members(proof, edited)
    plan = _plan(proof, edited, members)

    def compute(under_way: Run) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
        ids = under_way.readable(proof.volume, "labels")
        source = ids if proof.image is None else under_way.readable(proof.image, "image")
        label = attrs.evolve(proof, volume=ids).edited_by(edited.operations)

        def of(box: Box) -> Mapping[str, npt.NDArray[Any]]:
            found = label.ids(box)
            parts = {name: np.where(np.isin(found, those), found, 0) for name, those in members.items()}
            return {IMAGE: source.read(box), **parts}

        return of

    read = {"labels": proof.volume, **({} if proof.image is None else {"image": proof.image})}
    done = "".join(operation.to_line() for operation in edited.operations)
    settings = {
        "label": proof.fingerprint, "operations": hashlib.sha256(done.encode()).hexdigest(),
        "names": list(members),
    }  # fmt: skip
    run(
        Job(
            verb=VERB,
            destination=destination,
            plan=plan,
            fill=produce(compute, sweep="writing", block=_BLOCK, plan=plan),
            inputs=read,
            settings=settings,
            provenance=provenance(
                VERB, proof.volume, asem_annotate=version("asem-annotate"), log=str(proof.log), settings=settings,
                kind="probabilities" if _keeps_probabilities(proof) else None,
            ),
            scratch_bytes=sum(staged_bytes(volume) for volume in read.values()),
        ),
        overwrite=overwrite,
        progress=progress,
    )  # fmt: skip
    return Written(
        path=destination,
        objects={name: len(those) for name, those in members.items()},
        operations=len(edited.operations),
    )


def _keeps_probabilities(proof: Proof) -> bool:
    """Whether the image of the output is the probability map."""
    return proof.image is not None and proof.image is proof.probability


def _members(proof: Proof, edited: Edited) -> dict[str, npt.NDArray[np.int64]]:
    """The ids in every label image."""
    categories = {number: category for number, category in edited.category.items() if category != proof.organelle}
    ids = edited.table.ids
    found = {f"{proof.organelle}{PROOFREAD}": ids[~np.isin(ids, list(categories))]}
    for category in sorted(set(categories.values())):
        those = [number for number, is_a in categories.items() if is_a == category]
        found[f"{category}{PROOFREAD}"] = np.array(sorted(those), np.int64)
    return found


def _plan(proof: Proof, edited: Edited, members: Mapping[str, Any]) -> OmePlan:
    image = proof.image or proof.volume
    wide = int(edited.table.ids.max(initial=0)) > np.iinfo(np.uint32).max
    first = ArrayPlan(
        shape=image.shape,
        dtype=np.uint8 if image.dtype.kind == "b" else image.dtype,
        chunk=CHUNK,
        reduction="mean" if _keeps_probabilities(proof) else "mode",
    )
    return OmePlan(
        image=first,
        labels={name: attrs.evolve(first, dtype=np.uint64 if wide else np.uint32) for name in members},
        voxel_size=proof.volume.voxel_size,
        lower_edge_nm=proof.volume.lower_edge_nm,
    )
