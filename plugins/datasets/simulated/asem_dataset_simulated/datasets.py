"""The parts of the named cells as data sets: what `asem datasets list`, `show` and `fetch` know of them."""

from __future__ import annotations

from asem_core.specs import DatasetSpec
from asem_dataset_simulated.cell.named import CELLS, NamedCell, Part
from asem_dataset_simulated.cell.style import LABELS

SCHEME = "simulated"
VOXEL_NM = 10.0
"""Of a part whose address names no voxel size."""
_LICENCE = "CC0 1.0: generated data, no rights are claimed"
_CITATION = (
    "simulated with asem-dataset-simulated of ASEM; sizes and roles after Gallusser et al. 2022, "
    "bioRxiv 2022.08.02.502534, https://doi.org/10.1101/2022.08.02.502534"
)


def named_datasets() -> list[DatasetSpec]:
    """One data set per part, ``sim-<cell>-<part>``, that lies at ``simulated://<cell>/<part>``.

    Examples
    --------
    >>> named_datasets()[0].uri
    'simulated://cf-1/training'
    """
    return [_dataset(cell, name, part) for cell in CELLS.values() for name, part in cell.parts.items()]


def _dataset(cell: NamedCell, name: str, part: Part) -> DatasetSpec:
    split = "naive" if cell.role == "naive" else "validation" if name == "validation" else "training"
    use = "naive: no recipe of ASEM reads it" if split == "naive" else f"for {split}"
    sides = " x ".join(f"{side:g}" for side in part.size_um)
    kind = f"crowded simulated cell ({cell.fixation})" if cell.crowded else "simulated cell"
    role = f" in the role of the paper's {cell.mirrors}" if cell.mirrors else ""
    return DatasetSpec(
        name=f"sim-{cell.name}-{name}",
        uri=f"{SCHEME}://{cell.name}/{name}",
        voxel_size_nm=(VOXEL_NM,) * 3,
        labels={organelle: {"path": f"labels/{organelle}", "dilate_voxels": 0} for organelle in LABELS},
        licence=_LICENCE,
        citation=_CITATION,
        fixation=cell.fixation,
        split=split,
        summary=f"{sides} um of a {kind}{role}, {use}; "
        f"drawn while it is read, the same voxels as asem simulate --preset {cell.name} --part {name}",
    )
