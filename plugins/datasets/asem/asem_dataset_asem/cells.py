"""Reading ``cells.yaml``: entries become `DatasetSpec`s."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from asem_core.specs import DatasetBlock, DatasetSpec

CELLS = Path(__file__).with_name("cells.yaml")


def read_cells(file: Path = CELLS) -> list[DatasetSpec]:
    """The data sets that ``file`` describes, in its order.

    Examples
    --------
    >>> read_cells()[0].name
    'cell_1'
    """
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [_dataset(entry, found["sources"][entry["source"]]) for entry in found["datasets"]]


def _dataset(entry: Mapping[str, Any], source: Mapping[str, Any]) -> DatasetSpec:
    name = entry["name"]
    labels = {
        organelle: {"path": source["labels"].format(organelle=organelle), **extra}
        for organelle, extra in entry.get("labels", {}).items()
    }
    z, y, x = entry["voxel_size_nm"]
    return DatasetSpec(
        name=name,
        uri=source["uri"].format(cell=name, archive=entry.get("archive")),
        image=source["image"],
        voxel_size_nm=(z, y, x),
        labels=labels,
        blocks=tuple(_blocks(entry.get("blocks", []))),
        licence=source["licence"],
        citation=source["citation"],
        fixation=entry.get("fixation"),
        split=entry.get("split"),
        summary=f"{entry['summary']} (address not checked)",
    )


def _blocks(entries: list[Mapping[str, Any]]) -> Iterator[DatasetBlock]:
    """Blocks named ``<organelle>-<role>-<number>``, or ``-crop<number>`` for a crop of OpenOrganelle."""
    numbers: Counter[str] = Counter()
    for entry in entries:
        organelle, role = entry["organelle"], entry["role"]
        for crop in entry.get("crops", []):
            yield DatasetBlock(name=f"{organelle}-{role}-crop{crop}", organelle=organelle, role=role)
        for _ in range(0 if "crops" in entry else entry.get("count", 1)):
            kind = f"{organelle}-{role}"
            numbers[kind] += 1
            shape = tuple(entry.get("shape") or entry["printed"])
            yield DatasetBlock(
                name=f"{kind}-{numbers[kind]}",
                organelle=organelle,
                role=role,
                shape=shape,
                start=tuple(entry["start"]) if "start" in entry else None,
                ordered="printed" not in entry,
                summary=entry.get("summary", ""),
            )
