"""All numbers of one object."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_analysis_pits.crop import Crop, middles
from asem_analysis_pits.ellipse import Ellipse, fit_ellipse, wall_skeleton
from asem_analysis_pits.membrane import Frame, Points, fit_frame
from asem_analysis_pits.picture import AxisSection, Grey, cut_about, cut_along_axis
from asem_analysis_pits.profile import Profile, measure_profile
from asem_analysis_pits.section import Section, best_section
from asem_analysis_pits.wall import cytoplasm_grey, enhancement, membrane_grey, outside_grey, wall_grey

OUTLINE_POINTS = 36
_RIM_NM = 15.0
"""Above this depth a pit's wall runs out into the membrane and is no part of the ellipse."""
_RESOLVED = 0.03
"""Least share of an object that the mask must leave open for it to show the lumen."""


@attrs.frozen(kw_only=True, eq=False)
class Measured:
    """One object; NaN and None are what could not be measured."""

    centre_nm: Points
    shift_nm: Points
    """Of `frame` and `section`, which count from a corner of their own, to the microscope's frame."""
    volume_nm3: float
    distance_nm: float
    """From its nearest voxel to the plasma membrane; NaN where none is near."""
    at_membrane: bool
    cut: bool
    """Touches a face of the volume: it has no sizes."""
    too_long: bool = False
    """No single object; it has no sizes."""
    border_near: bool = False
    """Beyond a near face of the volume there may be membrane that is nearer."""
    enhancement: float = np.nan
    profile: Profile | None = None
    lumen_from: str = ""
    """``mask`` or ``image``: what showed the lumen."""
    frame: Frame | None = None
    section: Section | None = None
    ellipse: Ellipse | None = None
    outline_nm: Points = attrs.field(factory=lambda: np.full((OUTLINE_POINTS, 3), np.nan))
    """The ellipse, in the microscope's frame."""
    section_grey: Grey | None = None
    """What is seen in `section` about the middle of the object."""
    axis_section: AxisSection | None = None
    """Of a pit."""


def measure_object(crop: Crop, *, touch_nm: float, near_nm: float) -> Measured:
    """Measure the object of ``crop``.

    Parameters
    ----------
    touch_nm
        Up to this distance it is at the plasma membrane and may be a pit, with neck and height.
    near_nm
        Beyond this distance it does not matter where the membrane is.
    """
    distance = crop.distance_nm
    shift = np.array(crop.lower_nm)
    found = Measured(
        centre_nm=crop.object_nm.mean(axis=0) + shift,
        shift_nm=shift,
        distance_nm=distance,
        cut=crop.cut,
        at_membrane=distance <= touch_nm,
        volume_nm3=float(crop.inside.sum() * np.prod(crop.voxel_nm)),
        border_near=crop.face_nm < near_nm and not distance <= crop.face_nm,
    )
    frame = fit_frame(crop.boundary, crop.object_nm) if found.at_membrane and not crop.cut else None
    section = best_section(crop.inside, frame, voxel_nm=crop.voxel_nm)
    seen = cut_about(crop.raw, section, found.centre_nm - shift, voxel_nm=crop.voxel_nm)
    found = attrs.evolve(found, section=section, section_grey=seen)
    if crop.cut:
        return found
    wall = wall_grey(crop.raw, crop.inside, frame, voxel_nm=crop.voxel_nm)
    plain = membrane_grey(crop.raw, crop.boundary, crop.object_nm, voxel_nm=crop.voxel_nm)
    around = cytoplasm_grey(crop.raw, crop.cell, crop.inside, voxel_nm=crop.voxel_nm)
    found = attrs.evolve(found, enhancement=enhancement(wall, plain, around))
    if frame is not None:
        openness, source = _openness(crop, frame, wall)
        profile = measure_profile(openness, crop.inside, frame, voxel_nm=crop.voxel_nm)
        middle = profile.middle if profile else np.zeros(2)
        found = attrs.evolve(
            found,
            profile=profile,
            lumen_from=source if profile else "",
            frame=frame,
            axis_section=cut_along_axis(crop.raw, frame, section, middle, voxel_nm=crop.voxel_nm),
        )
    return _with_ellipse(found, crop, section)


def _openness(crop: Crop, frame: Frame, wall: float) -> tuple[npt.NDArray[np.floating], str]:
    """How much of each voxel is lumen or outside, from the mask if it shows the lumen, else from the image."""
    open_ = ~crop.cell
    deep = frame.local(middles(crop.inside & open_, crop.voxel_nm))[:, 0] > _RIM_NM
    if deep.sum() >= _RESOLVED * crop.inside.sum():
        return open_.astype(np.float32), "mask"
    outside = outside_grey(crop.raw, crop.cell, crop.inside, voxel_nm=crop.voxel_nm)
    if not outside > wall:
        return np.zeros(crop.cell.shape, np.float32), "image"
    return np.clip((crop.raw.astype(np.float32) - wall) / (outside - wall), 0, 1), "image"


def _with_ellipse(found: Measured, crop: Crop, section: Section) -> Measured:
    frame = found.frame
    image, shape = (section.cut(v, voxel_nm=crop.voxel_nm) for v in (crop.raw, crop.inside))
    skeleton = wall_skeleton(image, shape > 0.5, pixel_nm=section.pixel_nm)
    if frame is not None and len(skeleton):
        skeleton = skeleton[frame.local(section.place(skeleton))[:, 0] > _RIM_NM]
    ellipse = fit_ellipse(skeleton)
    if ellipse is None:
        return found
    outline = section.place(ellipse.outline(OUTLINE_POINTS)) + found.shift_nm
    return attrs.evolve(found, ellipse=ellipse, outline_nm=outline)
