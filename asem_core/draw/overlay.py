"""Overlay pictures: orthogonal planes of the raw volume with a segmentation, and with ground truth its errors.

True and false positives have the sky blue and the orange of Okabe and Ito (2008); false negatives have a magenta
that is darker than both, so that the three differ for colour-blind readers too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from asem_core.draw.figure import WIDE, LegendEntry, Panel, compose
from asem_core.draw.paint import Colour, Mask, Picture, display_shape, fill, grey, outline, resize_mask
from asem_core.draw.planes import Plane, choose_planes, read_plane
from asem_core.draw.png import check_pngs, save_png
from asem_core.evaluation.scores import Score
from asem_core.geometry import AXES
from asem_core.grid.place import Placed, place, place_beside
from asem_core.volume.grey import GreyRange
from asem_core.volume.output import Input
from asem_core.volume.volume import Volume

Kind = Literal["segmentation", "evaluation"]
"""What a picture shows."""

TRUE_POSITIVE: Colour = (86, 180, 233)
FALSE_POSITIVE: Colour = (230, 159, 0)
FALSE_NEGATIVE: Colour = (213, 40, 120)
SEGMENTATION: Colour = (86, 180, 233)
OUTLINE: Colour = (255, 255, 255)

PANEL_HEIGHT = 800
PANEL_WIDTH = {True: 1600, False: 900}
"""Pixels; wide planes, which are stacked, may be wider than those side by side."""


def draw_segmentation(raw: Volume, segmentation: Volume, folder: Path, *, organelle: str) -> list[Path]:
    """Draw a segmentation on the raw volume: the middle plane of every axis, and the fullest of nine z sections.

    Parameters
    ----------
    raw
        ``(z, y, x)``, any real dtype, on the grid of ``segmentation``.
    segmentation
        ``(z, y, x)``; non-zero is the organelle.
    folder
        Made if missing; older pictures of the same planes are replaced, and nothing else.

    Returns
    -------
    list of Path
        The PNG files, such as ``mito_segmentation_z0082.png``.

    Raises
    ------
    GeometryError
        The two volumes do not lie on one grid, or do not overlap.
    OutputError
        The folder lies in a volume, or holds other files of these names; see `asem_core.draw.png`.
    """
    folder = check_figures(folder, organelle=organelle, kind="segmentation", inputs=(raw, segmentation))
    frame, placed_raw = _frame(segmentation), place(raw, segmentation)
    region = frame.box.intersect(placed_raw.box)
    legend = [LegendEntry(text=organelle, colour=SEGMENTATION)]
    paths = []
    for plane in choose_planes(region, frame):
        mask = read_plane(frame, plane) != 0
        shape, nm_per_pixel = _display(plane, mask, segmentation)
        picture, shown = grey(read_plane(placed_raw, plane), shape), resize_mask(mask, shape)
        painted = outline(fill(picture, shown, SEGMENTATION, opacity=0.3), shown, SEGMENTATION)
        sheet = compose(
            [Panel(caption="raw", picture=picture), Panel(caption="segmentation", picture=painted)],
            title=f"{organelle}: {_describe(plane)}",
            subtitle=f"{organelle} in {np.mean(mask):.1%} of this plane",
            legend=legend,
            nm_per_pixel=nm_per_pixel,
        )
        paths.append(folder / f"{organelle}_segmentation_{plane.name}.png")
        save_png(sheet, paths[-1])
    return paths


def draw_evaluation(
    raw: Volume | None,
    prediction: Volume,
    labels: Volume,
    folder: Path,
    *,
    organelle: str,
    mask: Volume | None = None,
    grey_range: GreyRange | None = None,
    ignore_label: int | None = None,
) -> list[Path]:
    """Draw what a prediction found, invented and missed, on the planes of `draw_segmentation`.

    Parameters
    ----------
    raw
        Background, ``(z, y, x)``, on the grid of ``labels``; None: plain grey.
    prediction, labels
        As for `asem_core.evaluation.evaluate`, and aligned in the same way.
    folder
        Made if missing; older pictures of the same planes are replaced, and nothing else.
    mask
        Only where it is not 0 anything is scored and drawn.
    grey_range
        Levels of ``raw`` that are drawn black and white; by default the 0.5th and 99.5th percentile of each plane.
    ignore_label
        Value of ``labels`` that is not scored: neither it nor a prediction there is drawn.

    Returns
    -------
    list of Path
        The PNG files, such as ``mito_evaluation_z0082.png``.

    Raises
    ------
    GeometryError
        The volumes do not lie on one grid, or do not overlap.
    OutputError
        As `draw_segmentation`.
    """
    inputs = [volume for volume in (raw, prediction, labels, mask) if volume is not None]
    folder = check_figures(folder, organelle=organelle, kind="evaluation", inputs=inputs)
    frame, placed = _frame(labels), place(prediction, labels)
    placed_raw, kept = (None if each is None else place_beside(each, frame, placed) for each in (raw, mask))
    paths = []
    for plane in choose_planes(frame.box.intersect(placed.box), frame):
        predicted, truth = (read_plane(source, plane) for source in (placed, frame))
        scored = np.ones(truth.shape, np.bool_) if ignore_label is None else truth != ignore_label
        if kept is not None:
            scored &= read_plane(kept, plane) != 0
        predicted, truth = (predicted != 0) & scored, (truth != 0) & scored
        score = Score.of(predicted, truth)
        shape, nm_per_pixel = _display(plane, truth, labels)
        if placed_raw is not None:
            black_white = None if grey_range is None else (grey_range.low, grey_range.high)
            picture = grey(read_plane(placed_raw, plane), shape, black_white=black_white)
        else:
            picture = np.full((*shape, 3), 110, np.uint8)
        painted = Panel(caption="prediction against ground truth", picture=_errors(picture, predicted, truth))
        sheet = compose(
            [painted] if placed_raw is None else [Panel(caption="raw", picture=picture), painted],
            title=f"{organelle}: {_describe(plane)}",
            subtitle=f"this plane, without exclusion zone: F1 {score.f1:.3f}   "
            f"precision {score.precision:.3f}   recall {score.recall:.3f}",
            legend=_error_legend(score),
            nm_per_pixel=nm_per_pixel,
        )
        paths.append(folder / f"{organelle}_evaluation_{plane.name}.png")
        save_png(sheet, paths[-1])
    return paths


def check_figures(folder: Path, *, organelle: str, kind: Kind, inputs: Iterable[Input]) -> Path:
    """Where `draw_segmentation` or `draw_evaluation` would put its pictures; for asking before the work.

    Raises
    ------
    OutputError
        See `asem_core.draw.png.check_pngs`.
    """
    return check_pngs(folder, f"{organelle}_{kind}_*.png", inputs=inputs)


def _errors(picture: Picture, predicted: Mask, truth: Mask) -> Picture:
    shape = picture.shape[:2]
    shown, true = resize_mask(predicted, shape), resize_mask(truth, shape)
    picture = fill(picture, shown & true, TRUE_POSITIVE, opacity=0.3)
    picture = fill(picture, shown & ~true, FALSE_POSITIVE, opacity=0.6)
    picture = fill(picture, true & ~shown, FALSE_NEGATIVE, opacity=0.6)
    return outline(picture, shown, OUTLINE)


def _error_legend(score: Score) -> Sequence[LegendEntry]:
    return [
        LegendEntry(text=f"true positive ({score.tp:,} voxels)", colour=TRUE_POSITIVE),
        LegendEntry(text=f"false positive ({score.fp:,})", colour=FALSE_POSITIVE),
        LegendEntry(text=f"false negative ({score.fn:,})", colour=FALSE_NEGATIVE),
        LegendEntry(text="outline of the prediction", colour=OUTLINE, outlined=True),
    ]


def _frame(volume: Volume) -> Placed:
    return Placed(volume=volume, start=(0, 0, 0), by="shape")


def _display(plane: Plane, pixels: Mask, volume: Volume) -> tuple[tuple[int, int], float]:
    (height, width), (height_nm, width_nm) = pixels.shape, plane.pixel_nm(volume.voxel_size)
    wide = width * width_nm > WIDE * height * height_nm
    return display_shape((height, width), (height_nm, width_nm), max_height=PANEL_HEIGHT, max_width=PANEL_WIDTH[wide])


def _describe(plane: Plane) -> str:
    across = " / ".join(axis for number, axis in enumerate(AXES) if number != plane.axis)
    return f"plane {AXES[plane.axis]} = {plane.index} (down / across: {across})"
