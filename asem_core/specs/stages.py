"""Steps that data goes through, and how a model or an organelle names one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from asem_core.specs.fields import import_path, typed, word


@attrs.frozen(kw_only=True, field_transformer=typed)
class StageRef:
    """How a model or an organelle names a registered preprocessor, label rule or exclusion zone, and its parameters."""

    name: str = attrs.field(validator=word)
    """Of the registered stage."""
    params: Mapping[str, Any] = attrs.field(factory=dict)
    """Values for the stage's parameter class; what is not named keeps its default."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class PreprocessorSpec:
    """A step between the raw volume and the network."""

    name: str = attrs.field(validator=word)
    """Models, recipes and ``--stage`` name it so."""
    version: str
    """Changes whenever the numbers change."""
    summary: str
    """What it does, in a few words, for lists."""
    fn: str = attrs.field(validator=import_path)
    """``fn(raw, *, box, voxel_size, stats, params) -> ndarray``; ``raw`` ``(z, y, x)`` is ``box`` of the volume.

    With a halo or statistics it is given ``raw`` as the volume stores it: uint8, uint16, or float in [0, 1], which
    `asem_core.preprocessing.to_grey_range` brings to 0..255. Without, always float32 on the 0..255 scale. A stage that
    follows another one is given what that one returns."""
    params: str = attrs.field(validator=import_path)
    """The frozen attrs class of the parameters."""
    halo: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """``halo(voxel_size, params) -> (z, y, x)``, the voxels of context that ``fn`` needs around a block. None: none."""
    dtype_out: str = "float32"
    """Of what ``fn`` returns, whatever the type of ``raw``; ``uint8`` is 0..255. What a stage with a halo or
    statistics follows must give uint8; a model runs both over the whole volume, and wants uint8 of the last of them
    too."""
    statistics: tuple[str, ...] = attrs.field(default=(), validator=validators.deep_iterable(import_path))
    """What must be known of the whole volume before a block runs: ``"package.module:function"`` each.

    ``function(volume, *, params, progress) -> ndarray``; ``fn`` finds the array in ``stats`` under the function's name.
    """


@attrs.frozen(kw_only=True, field_transformer=typed)
class LabelRuleSpec:
    """A step of the preparation of ground-truth labels. A clean-up is idempotent; a dilation is not."""

    name: str = attrs.field(validator=word)
    """Organelles and ``--cleanup`` name it so."""
    version: str
    """Changes whenever the numbers change."""
    summary: str
    """What it does, in a few words, for lists."""
    fn: str = attrs.field(validator=import_path)
    """``fn(labels, *, voxel_size, params) -> ndarray``, same shape and dtype as ``labels`` ``(z, y, x)``."""
    params: str = attrs.field(validator=import_path)
    """The frozen attrs class of the parameters."""
    halo: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """Block scope: ``halo(voxel_size, params) -> (z, y, x)``, the voxels of context that ``fn`` needs around a block.
    Without it a voxel is judged by itself."""
    by_blocks: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """Volume scope, for what no halo can do (connected components): ``by_blocks(labels, *, voxel_size, params)`` takes
    and returns `asem_core.labels.LabelBlocks` and gives the same voxels as ``fn`` on the whole array."""

    def __attrs_post_init__(self) -> None:
        if self.halo and self.by_blocks:
            raise ValueError(f"the label rule {self.name!r} has a halo and a function by_blocks: one is enough")

    @property
    def scope(self) -> str:
        """``block``: a halo is enough; ``volume``: all voxels may matter to one."""
        return "volume" if self.by_blocks else "block"


@attrs.frozen(kw_only=True, field_transformer=typed)
class ExclusionZoneSpec:
    """Which voxels near the boundary of the ground truth are not scored."""

    name: str = attrs.field(validator=word)
    """Organelles and ``--zone`` name it so."""
    version: str
    """Changes whenever the numbers change."""
    summary: str
    """What it does, in a few words, for lists."""
    fn: str = attrs.field(validator=import_path)
    """``fn(inside, *, voxel_size, params) -> bool ndarray`` of the same shape, True = not scored. ``inside``, bool
    ``(z, y, x)``, is where the ground truth has the organelle: a block and its halo, False outside the volume."""
    params: str = attrs.field(validator=import_path)
    """The frozen attrs class of the parameters. Mark widths and volumes in voxels of 5 nm with
    `asem_core.grid.WIDTH` and ``VOLUME``: then reports say what they are on a grid."""
    halo: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """``halo(voxel_size, params) -> (z, y, x)``, the voxels of context that ``fn`` needs around a block. None: none."""
