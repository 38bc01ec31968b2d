"""Every parameter of a graph cut, and the presets of organelles."""

from __future__ import annotations

import math
from typing import Any, Literal

import attrs
from attrs import validators

from asem_annotate.lattice import Slic
from asem_core.errors import AsemError

Contrast = Literal["on", "dark", "published"]
Appearance = Literal["texture", "grey"]

PAPER = "paper"
"""Preset of the published program, instead of the organelle's."""

_FINITE = validators.lt(math.inf)


@attrs.frozen(kw_only=True)
class Settings:
    """Parameters of a graph cut. Lengths are voxels along the axes with the smallest voxels."""

    edge: float = attrs.field(default=5.0, validator=[validators.ge(1), _FINITE])
    """Edge of a supervoxel: no boundary can be found more exactly than supervoxels are small."""
    compactness: float = attrs.field(default=25.0, validator=[validators.gt(0), _FINITE])
    """Grey levels of 255 that weigh as much as one edge of distance: more makes supervoxels rounder."""
    iterations: int = attrs.field(default=4, validator=validators.ge(0))
    """How often the centres of supervoxels move."""
    smooth: float = attrs.field(default=1.0, validator=[validators.ge(0), _FINITE])
    """Sigma of the Gaussian that the image is smoothed by before supervoxels are found."""
    appearance: Appearance = attrs.field(default="texture", validator=validators.in_(("texture", "grey")))
    """What seeds teach: how their supervoxels and those round them look, at several scales; as published, their grey
    levels alone."""
    grey_smooth: float = attrs.field(default=2.0, validator=[validators.ge(0), _FINITE])
    """The same before grey levels are counted into the histograms of seeds."""
    bins: int = attrs.field(default=16, validator=[validators.ge(2), validators.le(256)])
    """Grey levels that are told apart in the histograms of seeds."""
    surest: float = attrs.field(default=7.0, validator=[validators.ge(0), _FINITE])
    """Log odds that what texture teaches never exceeds. Less lets distance and neighbours say more: 2 finds more of
    mitochondria that only strokes along the middle are known of."""
    appearance_weight: float = attrs.field(default=1.0, validator=[validators.ge(0), _FINITE])
    """Weight of how unlike the seeds a supervoxel looks; beta of the paper."""
    distance_weight: float = attrs.field(default=1.0, validator=[validators.ge(0), _FINITE])
    """Weight of the distance from the seeds; gamma of the paper."""
    prior_weight: float = attrs.field(default=1.0, validator=[validators.ge(0), _FINITE])
    """Weight of the prediction, where one is given."""
    smoothness: float = attrs.field(default=10.0, validator=[validators.ge(0), _FINITE])
    """What a boundary costs; lambda of the paper."""
    contrast: Contrast = attrs.field(default="on", validator=validators.in_(("on", "dark", "published")))
    """Where a boundary is cheap: where grey levels change, or along dark lines; as published, hardly anywhere."""
    components: int = attrs.field(default=0, validator=validators.ge(0))
    """Clean-up: kinds of grey that are told apart in what was found; those unlike the seeds' are dropped. 0: none."""

    rim: float = attrs.field(default=0.0, validator=[validators.ge(0), _FINITE])
    """Of one organelle, how thick a layer below its surface ``labels/training`` leaves unjudged. 0: no such labels."""

    @property
    def slic(self) -> Slic:
        """Those of the supervoxels."""
        return Slic(edge=self.edge, compactness=self.compactness, iterations=self.iterations, smooth=self.smooth)

    @property
    def of_preparation(self) -> dict[str, Any]:
        """Those that the prepared volume depends on, by name."""
        names = ("edge", "compactness", "iterations", "smooth", "appearance", "grey_smooth", "bins")
        return {name: getattr(self, name) for name in names}


_FINE = Settings(edge=3.0, smooth=0.7, grey_smooth=1.0, bins=32)
"""Where the organelle is only a few supervoxels wide."""
_STACKED = attrs.evolve(_FINE, smooth=0.5, compactness=15.0, distance_weight=3.0, contrast="dark")
"""Where the organelle ends amid a membrane, and what lies beyond looks like what it is made of."""
CORRECTION_SMOOTHNESS = 1.0
"""A network knows boundaries better than grey levels do; measured, see docs/annotate.md."""
OF_SEEDS = ("appearance", "surest", "appearance_weight", "distance_weight", "grey_smooth", "bins", "components", "rim")
"""Settings that a correction knows nothing of: it is cut by the probabilities of a network."""
PRESETS = {
    "mito": Settings(),
    "er": attrs.evolve(_FINE, contrast="dark", rim=2.0),
    "golgi": _STACKED,
    "pore": _FINE,
    "ccp": _FINE,
    PAPER: Settings(
        edge=10.0, iterations=10, smooth=0.0, appearance="grey", grey_smooth=0.0, bins=5, contrast="published"
    ),
}
"""By the name of the organelle. Those of mito, er and golgi were measured (docs/annotate.md), pore and ccp were not."""


def choose_settings(organelle: str, *, preset: str | None = None, **changed: Any) -> Settings:
    """The preset of ``organelle``, or the one that ``preset`` names, with ``changed`` fields.

    Parameters
    ----------
    organelle
        One without a preset of its own gets that of mitochondria.
    changed
        By name; None: not changed.

    Raises
    ------
    AsemError
        No such preset, or a value that cannot be.

    Examples
    --------
    >>> choose_settings("mito", preset="paper", smoothness=2.0).edge
    10.0
    """
    if preset is not None and preset not in PRESETS:
        raise AsemError(f"there is no preset {preset!r}; there are: {', '.join(PRESETS)}")
    begun = PRESETS[preset or (organelle if organelle in PRESETS else "mito")]
    try:
        return attrs.evolve(begun, **{name: value for name, value in changed.items() if value is not None})
    except (TypeError, ValueError) as error:
        raise AsemError(f"settings of a graph cut: {error.args[0]}") from None


def correction_settings(organelle: str, *, preset: str | None = None, **changed: Any) -> Settings:
    """As `choose_settings`, for a correction: smoothness 1, and nothing prepared that only seeds teach from."""
    if changed.get("smoothness") is None:
        changed["smoothness"] = CORRECTION_SMOOTHNESS
    return choose_settings(organelle, preset=preset, **changed, appearance="grey")
