"""Every object in its best view, with what was measured drawn on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from asem_analysis_pits.classes import CAVEOLA, PIT
from asem_analysis_pits.strokes import AXIS_CAPTION, ELLIPSE_CAPTION, picture
from asem_core.draw import BAR_NM
from asem_core.reporting import Card, Gallery, Quality

if TYPE_CHECKING:
    import xarray as xr

_KEYS = (
    f"White bar: {BAR_NM:g} nm; all pictures have one scale and the same grey levels. Edge of a card: green, measured; "
    "orange, with a flag; red, rejected in the review; grey, without sizes."
)
_NO_SIZES = {"touches-border": "no sizes: cut by a face of the volume", "too-long": "no sizes: too long to be one pit"}
_SORTED_BY = {
    "neck": "neck_nm", "height": "height_nm", "width": "width_nm", "major axis": "major_nm",
    "aspect ratio": "aspect_ratio", "enhancement": "enhancement", "distance from the membrane": "distance_nm",
}  # fmt: skip


def galleries(pits: xr.Dataset) -> tuple[Gallery, ...]:
    """The objects at the membrane, and all others; a gallery without objects is left out."""
    seen = np.concatenate([pits[name].values.ravel() for name in ("section", "axis_section")])
    seen = seen[np.isfinite(seen)]
    low, high = np.percentile(seen, (0.5, 99.5)) if len(seen) else (0.0, 1.0)
    at = np.isin(pits["class"].values, (PIT, CAVEOLA))
    groups = (
        ("Pits and caveolae", f"Above: {AXIS_CAPTION} Below: {ELLIPSE_CAPTION} {_KEYS}", at),
        ("Vesicles and others", f"{ELLIPSE_CAPTION} {_KEYS}", ~at),
    )
    return tuple(
        Gallery(title=title, caption=caption, cards=tuple(_card(pits.isel(pit=i), (low, high)) for i in members))
        for title, caption, of in groups
        if len(members := np.flatnonzero(of))
    )


def _card(pit: xr.Dataset, black_white: tuple[float, float]) -> Card:
    said, flags = str(pit.verdict.item()), str(pit.flags.item())
    kind = str(pit["class"].item()) or "not classified"
    verdict = {"accept": "accepted", "reject": "rejected"}.get(said, "")
    tags = (kind, str(pit.stage.item()), verdict, "by hand" if pit.by_hand.item() else "", *flags.split())
    return Card(
        title=f"{kind.capitalize()} {pit.pit.item()}",
        lines=tuple(lines_of(pit)),
        image=picture(pit, black_white),
        quality=_quality(verdict, flags),
        tags=tuple(tag for tag in tags if tag),
        values={name: float(pit[column].item()) for name, column in _SORTED_BY.items()},
    )


def _quality(verdict: str, flags: str) -> Quality:
    if verdict == "rejected":
        return "poor"
    if flags in _NO_SIZES:
        return ""
    return "fair" if flags else "good"


def lines_of(pit: xr.Dataset) -> Iterator[str]:
    """The text of a card: sizes, what a person said, flags."""
    value = {str(name): values.item() for name, values in pit.data_vars.items() if values.ndim == 0}
    for name in ("neck", "height", "width"):
        if np.isfinite(value[f"{name}_nm"]):
            by_hand = f"{name}_nm" in value["by_hand"].split()
            yield f"{name} {value[f'{name}_nm']:.1f} nm" + (_drawn(value[f"measured_{name}_nm"]) if by_hand else "")
    if np.isfinite(value["major_nm"]):
        yield f"axes {value['major_nm']:.1f}, {value['minor_nm']:.1f} nm"
        yield f"ratio {value['aspect_ratio']:.2f}, arc {value['arc_deg']:.0f}°"
    if np.isfinite(value["enhancement"]):
        yield f"enhancement {value['enhancement']:.2f}"
    if value["distance_nm"] > 0 and value["class"] not in (PIT, CAVEOLA):
        yield f"{value['distance_nm']:.0f} nm from the membrane"
    if value["stage"]:
        other = value["cluster"] not in ("", value["stage"])
        yield value["stage"] + (f" by the neck, {value['cluster']} by k-means" if other else "")
    if value["flags"]:
        yield _NO_SIZES.get(value["flags"], f"flags: {', '.join(value['flags'].split())}")
    if value["class"] != value["measured_class"]:
        yield f"class by hand; measured: {value['measured_class'] or 'none'}"
    if value["verdict"]:
        yield f"review: {value['verdict']}"


def _drawn(measured_nm: float) -> str:
    return f" by hand (drawn: {measured_nm:.1f} measured)" if np.isfinite(measured_nm) else " by hand"
