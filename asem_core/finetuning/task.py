"""What fine-tuning is asked to do, once nothing speaks against it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import attrs

from asem_core.errors import RecipeError
from asem_core.finetuning.labelled import check_both, find_labelled
from asem_core.finetuning.recipe import make_recipe
from asem_core.finetuning.regions import Split, split
from asem_core.finetuning.start import Parent, find_parent
from asem_core.geometry import Box, BoxNm, VoxelSize
from asem_core.models.find import choose_organelle
from asem_core.registry import Registry
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.training.recipe import Data, Recipe
from asem_core.training.run import check_run
from asem_core.training.start import with_stages
from asem_core.volume import Volume, as_volume
from asem_core.volume.address import absolute
from asem_core.volume.check import check_grey, known_grey, settled_range
from asem_core.volume.grey import Grey, GreyRange
from asem_core.zoo.find import is_path

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True, eq=False)
class Task:
    """A model, what is labelled, and how the one is trained on the other."""

    organelle: OrganelleSpec
    parent: Parent
    opened: tuple[tuple[Volume, Volume], ...]
    """Volumes and their labels."""
    parts: Split
    recipe: Recipe
    """One iteration long: how long it will be, and from what it begins, is settled by what this machine can do."""
    output: Path
    greys: tuple[GreyRange | None, ...]
    """Of each volume, the levels that become 0 and 255; None: the full range of its type."""

    @property
    def grid(self) -> VoxelSize:
        """Of the model."""
        return VoxelSize(self.recipe.voxel_size_nm)


def set_task(
    pairs: Sequence[tuple[str | Path, str | Path]],
    output: Path,
    *,
    organelle: OrganelleSpec | str | Path | None,
    model: str | Path | None,
    rois: Sequence[Box | BoxNm],
    unlabelled: int | None,
    voxel_size: VoxelSize | None,
    grey: Grey,
    seed: int,
    registry: Registry,
) -> Task:
    """Open the volumes and labels ``pairs``, and divide what is labelled; parameters as of `asem_core.finetune`.

    Raises
    ------
    RecipeError
        Labels that nothing can be learned from or judged by, or a model that cannot be started from.
    GeometryError, VolumeError, ModelError, OrganelleError, PluginError, OutputError
        As `asem_core.train` and `asem_core.segment`.
    """
    spec = choose_organelle(organelle, model=model, registry=registry)
    parent = find_parent(spec, model, registry)
    if rois and len(pairs) > 1:
        raise RecipeError("--roi is of one volume: with several, cut each to what is labelled (asem convert --roi)")
    opened = tuple(_open(raw, drawn, spec, voxel_size, registry) for raw, drawn in pairs)
    package = [parent.name] if is_path(parent.name) else []
    output = check_run(output, inputs=[*(read for pair in opened for read in pair), *package])
    greys = tuple(_settle_grey(raw, grey, parent.spec) for raw, _ in opened)
    parts = _divide(opened, VoxelSize(parent.spec.voxel_size_nm), rois=rois, unlabelled=unlabelled)
    data = [
        Data(
            raw=absolute(raw),
            labels=absolute(drawn),
            voxel_size_nm=None if voxel_size is None else volume.voxel_size.zyx,
            unlabelled=unlabelled,
            grey=None if levels is None else str(levels),
        )
        for (raw, drawn), (volume, _), levels in zip(pairs, opened, greys, strict=True)
    ]
    recipe = make_recipe(
        data,
        parts,
        organelle=spec.name,
        grid=VoxelSize(parent.spec.voxel_size_nm),
        base=parent.network.base,
        start=parent.name,
        seed=seed,
    )
    recipe = with_stages(recipe, registry)
    return Task(organelle=spec, parent=parent, opened=opened, parts=parts, recipe=recipe, output=output, greys=greys)


def _open(
    volume: str | Path, labels: str | Path, organelle: OrganelleSpec, size: VoxelSize | None, registry: Registry
) -> tuple[Volume, Volume]:
    opened = partial(as_volume, registry=registry, only_if_unstated=True)
    raw = opened(volume, voxel_size=size)
    for note in raw.notes:
        log.warning("%s", note)
    return raw, opened(labels, labels=organelle.name, voxel_size=raw.voxel_size)


def _settle_grey(raw: Volume, grey: Grey, parent: ModelSpec) -> GreyRange | None:
    """``grey`` in numbers, as `asem segment` takes it for ``raw``, once that is something ``parent`` can take."""
    known = known_grey(parent)
    levels = settled_range(raw, grey, trained_on=known)
    check_grey(raw, grey=levels, trained_on=known, model=parent.id)
    return levels


def _divide(
    opened: Sequence[tuple[Volume, Volume]],
    grid: VoxelSize,
    *,
    rois: Sequence[Box | BoxNm],
    unlabelled: int | None,
) -> Split:
    """What is trained on and what is held back, once labels are as they must be."""
    found = [
        each
        for source, (raw, drawn) in enumerate(opened)
        for each in find_labelled(raw, drawn, source=source, rois=rois, unlabelled=unlabelled)
    ]
    check_both(found)
    return split(found, grid)
