"""What a label rule must do: keep shape, dtype and ids, be idempotent, and be the same by blocks as on the whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.labels.blocks import LabelBlocks, apply_rule
from asem_core.labels.plan import DILATION
from asem_core.registry import resolve
from asem_core.specs import LabelRuleSpec
from asem_core.testing.check import Check, in_turn
from asem_core.testing.samples import BLOCKS, GRIDS, differing, random_labels, tried_params

Labels = npt.NDArray[Any]
_DTYPES = ("uint8", "uint16", "uint64")


def rule_checks(spec: LabelRuleSpec, *, uses: Sequence[Mapping[str, Any]] = ()) -> Iterator[Check]:
    """The checks of a label rule, on random labels of fine and coarse grids.

    Parameters
    ----------
    uses
        Parameters that organelles give it; it is tried with its defaults besides.
    """
    checks = {
        "shape and dtype": _form,
        "ids": _ids,
        "input unchanged": _unchanged,
        "by blocks as on the whole": _by_blocks,
    }
    if spec.name != DILATION:
        checks["idempotent"] = _idempotent
    subject = f"label rule {spec.name!r}"
    yield from in_turn(Check(subject=subject, name=n, find=partial(_each, f, spec, uses)) for n, f in checks.items())


@attrs.frozen(kw_only=True)
class _Trial:
    """A rule on one volume."""

    spec: LabelRuleSpec
    params: Any
    voxel_size: VoxelSize
    labels: Labels

    def run(self, labels: Labels) -> Any:
        return resolve(self.spec.fn)(labels, voxel_size=self.voxel_size, params=self.params)


def _each(find: Any, spec: LabelRuleSpec, uses: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The first problem that ``find`` has with any trial."""
    for params in tried_params(spec, uses):
        for seed, (dtype, voxel_size) in enumerate(zip(_DTYPES, (*GRIDS, GRIDS[0]), strict=True)):
            labels = random_labels(seed, dtype=dtype)
            problem = next(find(_Trial(spec=spec, params=params, voxel_size=voxel_size, labels=labels)), None)
            if problem is not None:
                yield f"{problem} (voxels of {voxel_size}, {params})"
                return


def _form(trial: _Trial) -> Iterator[str]:
    found = trial.run(trial.labels.copy())
    got = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
    wanted = f"{trial.labels.dtype} {trial.labels.shape}"
    if got != wanted:
        yield f"{trial.spec.fn} must give {wanted}, got {got}: return labels.astype(labels.dtype), of the same shape"


def _ids(trial: _Trial) -> Iterator[str]:
    new = set(np.unique(trial.run(trial.labels.copy())).tolist()) - {0, *np.unique(trial.labels).tolist()}
    if new:
        yield f"{trial.spec.fn} gives the ids {sorted(new)[:5]}, which were not there: what stays keeps its id"


def _unchanged(trial: _Trial) -> Iterator[str]:
    labels = trial.labels.copy()
    trial.run(labels)
    if differing(labels, trial.labels):
        yield f"{trial.spec.fn} writes into the labels that it is given: work on labels.copy()"


def _idempotent(trial: _Trial) -> Iterator[str]:
    once = trial.run(trial.labels.copy())
    if said := differing(trial.run(once.copy()), once):
        yield f"{trial.spec.fn} changes its own result: {said}; a clean-up done twice must change nothing"


def _by_blocks(trial: _Trial) -> Iterator[str]:
    whole = trial.run(trial.labels.copy())
    for block in BLOCKS:
        if said := differing(_in_blocks(trial, block), whole):
            named = "by_blocks" if trial.spec.by_blocks else "halo"
            yield (
                f"by blocks of {block} {trial.spec.fn} gives something else than on the whole: {said}; "
                f"state a {named} that is right (docs/hooks.md)"
            )


def _in_blocks(trial: _Trial, block: Triple) -> Labels:
    with tempfile.TemporaryDirectory() as scratch:
        read = partial(_part, trial.labels)
        blocks = LabelBlocks(read=read, shape=trial.labels.shape, scratch=Path(scratch), block=block)
        after = apply_rule(blocks, trial.spec, voxel_size=trial.voxel_size, params=trial.params)
        found = np.zeros_like(trial.labels)
        for box in blocks.blocks:
            found[box.slices] = after.read(box)
    return found


def _part(labels: Labels, box: Box) -> Labels:
    return labels[box.slices].copy()
