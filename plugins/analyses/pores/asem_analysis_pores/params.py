"""What a user may change, with the values of the method."""

from __future__ import annotations

import attrs
from attrs import validators

_positive = validators.gt(0.0)


@attrs.frozen(kw_only=True)
class Pores:
    """Parameters of `asem_analysis_pores.measure.measure_pores`. Lengths in nm."""

    merge_nm: float = attrs.field(default=60.0, validator=validators.ge(0.0))
    """Masks whose centres are nearer than this are one pore in fragments."""
    min_volume: float = attrs.field(default=0.25, validator=validators.ge(0.0))
    """Masks below this share of the median volume are not measured."""
    min_axis: float = attrs.field(default=0.5, validator=validators.ge(0.0))
    """Masks whose long axis is below this share of the median are not measured."""
    max_volume: float = attrs.field(default=2.5, validator=_positive)
    """Masks above this multiple of the median volume are flagged."""
    neighbours: int = attrs.field(default=8, validator=validators.ge(3))
    """How many of the nearest pores are compared with a pore: its plane, its diameter."""
    outlier_mad: float = attrs.field(default=3.0, validator=_positive)
    """An outlier is this many median absolute deviations farther from its neighbours' plane than most pores are."""
    outlier_steepness: float = attrs.field(default=0.4, validator=validators.ge(0.0))
    """A pore nearer to its neighbours' plane than this share of their distance is none: the envelope is curved."""
    plane_nm: float = attrs.field(default=20.0, validator=validators.ge(0.0))
    """How far the middle of the envelope may be from the middle of the mask."""
    thickness_nm: float = attrs.field(default=10.0, validator=validators.ge(0.0))
    """Of the slab that is averaged into the en-face view."""
    width_nm: float = attrs.field(default=300.0, validator=validators.ge(250.0))
    """Of the en-face view."""
    lines: int = attrs.field(default=18, validator=validators.ge(4))
    """Lines through the centre, evenly spread over 180 degrees."""
    min_lines: int = attrs.field(default=12, validator=validators.ge(1))
    """Pores with fewer lines from membrane to membrane are not measured."""
    min_radius_nm: float = attrs.field(default=20.0, validator=validators.ge(5.0))
    """The membrane is looked for from this radius on."""
    max_radius_nm: float = attrs.field(default=90.0, validator=_positive)
    """The membrane is looked for up to this radius."""
    min_contrast: float = attrs.field(default=6.0, validator=validators.ge(0.0))
    """Pores whose dark ring stands out by fewer standard errors than this are not measured."""
    membrane_nm: float = attrs.field(default=7.5, validator=_positive)
    """Thickness of the dark membrane, for the correction of blur."""
    error_sd_nm: float = attrs.field(default=6.0, validator=_positive)
    """Error of one measurement (standard deviation): of the population of one size that pores are compared with."""
    permutations: int = attrs.field(default=999, validator=validators.ge(99))
    """Of the spatial tests."""
    seed: int = attrs.field(default=0, validator=validators.ge(0))
    """Of the simulated population and the permutations."""

    def __attrs_post_init__(self) -> None:
        if self.min_lines > self.lines:
            raise ValueError(f"min_lines must be at most lines, got {self.min_lines} of {self.lines}")
        if not self.min_radius_nm < self.max_radius_nm <= self.width_nm / 2 - 30:
            raise ValueError(
                "radii must rise from min_radius_nm to max_radius_nm, at most half of width_nm less 30, got "
                f"{self.min_radius_nm:g} to {self.max_radius_nm:g} of {self.width_nm:g} nm"
            )

    @property
    def search_nm(self) -> tuple[float, float]:
        """Least and largest radius of the membrane."""
        return (self.min_radius_nm, self.max_radius_nm)
