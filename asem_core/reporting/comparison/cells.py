"""What is compared: analyses by cell and condition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

import attrs

from asem_core.errors import AsemError
from asem_core.home import local_path


@attrs.frozen(kw_only=True)
class Comparison:
    """Analyses of several cells, all of one kind, by condition.

    Raises
    ------
    AsemError
        Fewer than two conditions, one without a cell, a cell in two of them, an analysis that is there twice; no cell
        at all.

    Examples
    --------
    >>> fed = {"cell 1": ["c1/mito-objects"], "cell 2": ["c2/mito-objects"]}
    >>> compared = Comparison(conditions={"fed": fed, "starved": {"cell 3": ["c3/mito-objects"]}})
    >>> [str(folder) for folder in compared.folders]
    ['c1/mito-objects', 'c2/mito-objects', 'c3/mito-objects']
    """

    conditions: Mapping[str, Mapping[str, Sequence[str | Path]]]
    """Per condition its cells by name, and of each the output folders of `asem_core.analyze`: several where the cell
    was imaged in parts, whose objects then count together."""
    title: str = ""
    """What is compared, such as ``mito-objects``; by default the name of the analysis."""
    left_out: Mapping[str, Mapping[str, Sequence[str]]] = attrs.field(factory=dict)
    """Per condition the cells that are not compared, and of each the parts that were not measured: the page says so. A
    condition may have no others."""

    def __attrs_post_init__(self) -> None:
        if len(self.conditions) < 2:
            raise AsemError(f"a comparison is of two conditions or more, got {', '.join(self.conditions) or 'none'}")
        for condition, cells in self.conditions.items():
            if not (cells or self.left_out.get(condition)) or not all(cells.values()):
                raise AsemError(f"the condition {condition} has no cell, or one without an analysis")
        if not any(self.conditions.values()):
            raise AsemError("there is nothing to compare: of every cell a part was not measured")
        names = Counter(name for cells in self.conditions.values() for name in cells)
        folders = Counter(str(folder.resolve()) for folder in self.folders)
        for what, times in (*names.items(), *folders.items()):
            if times > 1:
                raise AsemError(f"{what} is there twice: a cell is of one condition, and an analysis of one cell")

    @property
    def folders(self) -> Iterator[Path]:
        """Of all cells."""
        return (local_path(f) for cells in self.conditions.values() for folders in cells.values() for f in folders)


def group(folders: Sequence[Path], patterns: Sequence[tuple[str, str]]) -> Comparison:
    """Every one of ``folders`` as a cell of the condition whose pattern, such as ``*/ctl*``, it matches.

    Raises
    ------
    AsemError
        A folder matches no condition or several, or a pattern no folder. Also see `Comparison`.

    Examples
    --------
    >>> folders = [Path("out/fed_1/mito"), Path("out/fed_2/mito"), Path("out/starved/mito")]
    >>> found = group(folders, [("fed", "*fed_*"), ("starved", "out/starved/mito")])
    >>> {condition: list(cells) for condition, cells in found.conditions.items()}
    {'fed': ['fed_1', 'fed_2'], 'starved': ['starved']}
    """
    conditions: dict[str, dict[str, list[Path]]] = {condition: {} for condition, _ in patterns}
    for condition, pattern in patterns:
        if not any(_matches(folder, pattern) for folder in folders):
            raise AsemError(f"{condition}={pattern}: none of {', '.join(map(str, folders))} matches")
    for folder, name in zip(folders, cell_names(folders), strict=True):
        found = list(dict.fromkeys(condition for condition, pattern in patterns if _matches(folder, pattern)))
        if len(found) != 1:
            raise AsemError(f"{folder} is to be of one condition, and is of {' and '.join(found) or 'none'}")
        conditions[found[0]].setdefault(name, []).append(folder)
    return Comparison(conditions=conditions)


def cell_names(folders: Sequence[Path]) -> list[str]:
    """What tells ``folders`` apart: without the parts, at either end, that all of them have.

    >>> cell_names([Path("out/a/mito"), Path("out/b/mito")])
    ['a', 'b']
    """
    parts = [folder.resolve().parts for folder in folders]
    before = _in_common(parts)
    after = _in_common([part[before:][::-1] for part in parts])
    return ["/".join(part[before : len(part) - after]) or folder.name
            for part, folder in zip(parts, folders, strict=True)]  # fmt: skip


def _in_common(parts: Sequence[Sequence[str]]) -> int:
    """How many of the first are the same everywhere."""
    return sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, zip(*parts, strict=False)))


def _matches(folder: Path, pattern: str) -> bool:
    return fnmatchcase(folder.as_posix(), pattern.rstrip("/"))
