"""The tables of Gallusser et al. 2022 that `paper.py` makes again: rows, columns, and the paper's figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from cells import ALL, CF, HPFS

Figures = tuple[float | None, ...]
"""F1 on the cells of a table; None: not printed, or not known."""


@frozen(kw_only=True)
class Row:
    """A network: what it is trained on, and how the image is given to it."""

    name: str
    cells: tuple[int, ...] = CF
    stages: tuple[Mapping[str, Any], ...] = ()
    voxel_nm: float | None = None
    """None: that of the cells."""
    checkpoints: Mapping[str, str] = {}
    """Published weights instead of training, by organelle."""


@frozen(kw_only=True)
class Table:
    """Networks, and the cells that they are scored on."""

    rows: tuple[Row, ...]
    scored: tuple[int, ...]
    paper: Mapping[str, Mapping[str, Figures]] = {}
    """By organelle and row."""
    remark: str = ""


def _stage(name: str, **params: Any) -> tuple[Mapping[str, Any], ...]:
    return ({"name": name, "params": params},)


TABLES: Mapping[str, Table] = {
    "S5": Table(
        rows=(
            Row(name="none"),
            Row(name="percentiles", stages=_stage("percentile_rescale")),
            Row(name="histogram equalised", stages=_stage("equalize_histogram")),
            Row(name="CLAHE 1 %", stages=_stage("clahe", clip=0.01)),
            Row(name="CLAHE 2 %", stages=_stage("clahe", clip=0.02)),
            Row(name="CLAHE 3 %", stages=_stage("clahe", clip=0.03)),
        ),
        scored=(1, 2, 3, 6),
        remark="The paper found no consistent benefit of any: mitochondria of cell 1 0.96 to 0.99.",
    ),
    "S6-S8": Table(
        rows=(
            Row(name="A", cells=(1,)),
            Row(name="B", cells=(2,)),
            Row(name="CF"),
            Row(name="HPFS", cells=HPFS),
            Row(name="both", cells=(*CF, *HPFS)),
            Row(name="CF, published", checkpoints={"mito": "asem-project/1847", "er": "asem-project/1841"}),
            Row(name="HPFS, published", checkpoints={"mito": "asem-project/1675", "er": "asem-project/1669"}),
        ),
        scored=ALL,
        paper={
            "mito": {
                "A": (0.91, 0.47, 0.66, 0.81, None, None, None, None),
                "B": (0.89, 0.87, 0.74, 0.70, None, None, None, None),
                "CF": (0.96, 0.87, 0.75, 0.88, None, None, None, None),
                "HPFS": (None, None, None, None, 0.99, 0.99, 0.94, 0.93),
                "both": (0.95, 0.81, 0.73, 0.77, 0.93, 0.99, 0.96, 0.89),
            },
            "er": {
                "A": (0.86, 0.29, 0.70, 0.52, None, None, None, None),
                "B": (0.16, 0.90, 0.83, 0.55, None, None, None, None),
                "CF": (0.95, 0.90, 0.92, 0.77, None, None, None, None),
                "HPFS": (None, None, None, None, 0.91, 0.80, 0.48, 0.81),
                "both": (0.94, 0.90, 0.85, 0.82, 0.84, 0.74, 0.58, 0.81),
            },
        },
        remark="A is cell 1, B is cell 2, CF both, HPFS cells 19 and 20.",
    ),
    "S9": Table(
        rows=(Row(name="5 nm", voxel_nm=5.0), Row(name="10 nm", voxel_nm=10.0)),
        scored=(1, 2, 3, 6),
        paper={
            "mito": {"5 nm": (0.96, 0.87, 0.75, 0.88), "10 nm": (0.97, 0.79, 0.62, 0.86)},
            "er": {"5 nm": (0.95, 0.90, 0.92, 0.77), "10 nm": (0.94, 0.90, 0.86, 0.81)},
        },
        remark="A block of 64 voxels sees an eighth as much of the cell at 5 nm.",
    ),
}
FINE_TUNED: Mapping[str, Mapping[int, tuple[float, float] | None]] = {
    "mito": {3: (0.75, 0.88), 6: (0.88, 0.89), 21: (0.94, 0.93), 22: (0.93, 0.98)},
    "er": {3: None, 6: None, 21: (0.48, 0.69), 22: (0.81, 0.90)},
}
"""The paper's F1 before and after (its Table S10); None: not tried."""
