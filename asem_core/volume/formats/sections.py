"""Which files of a folder are sections, and in which order: by the number in their names that counts them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import attrs

from asem_core.errors import VolumeError

TIFF_SUFFIXES = (".tif", ".tiff")


@attrs.frozen(kw_only=True)
class SectionFiles:
    """The sections of a folder in the order of their numbers, and the files that are none."""

    files: tuple[Path, ...]
    first_number: int
    foreign: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was passed over, in words."""
        names = ", ".join(self.foreign[:3]) + (", ..." if len(self.foreign) > 3 else "")
        return (f"{len(self.foreign)} foreign files ignored: {names}",) if self.foreign else ()


def is_tiff(path: Path) -> bool:
    """Whether the name ends as a TIFF's does; hidden files never count."""
    return path.suffix.lower() in TIFF_SUFFIXES and not path.name.startswith(".")


def section_numbers(names: Sequence[str]) -> list[int | None]:
    """The number in each file name (suffix excluded) that counts the sections; None where there is none.

    Of names that are alike but for their numbers it is the number whose values have the fewest gaps, so that neither a
    position nor a date is taken for it; of others the last.

    Raises
    ------
    VolumeError
        Two numbers count equally well, in different orders.

    Examples
    --------
    >>> section_numbers(["slice_07_z=0.0350um.tif", "slice_08_z=0.0400um.tif"])
    [7, 8]
    >>> section_numbers(["cell3_section_0042.tif", "overview.tif"])
    [42, None]
    """
    found = [[int(digits) for digits in _DIGITS.findall(Path(name).stem)] for name in names]
    numbered = [numbers for numbers in found if numbers]
    alike = {_DIGITS.sub("#", Path(name).stem) for name, numbers in zip(names, found, strict=True) if numbers}
    column = _counting(list(zip(*numbered, strict=True)), names) if len(alike) == 1 else -1
    return [numbers[column] if numbers else None for numbers in found]


_DIGITS = re.compile(r"[0-9]+")


def _counting(columns: Sequence[Sequence[int]], names: Sequence[str]) -> int:
    """Which of ``columns`` counts: without repeats, with the fewest gaps, the last where several agree on the order."""
    gaps = {at: max(values) - min(values) for at, values in enumerate(columns) if len(set(values)) == len(values)}
    best = [at for at, span in gaps.items() if span == min(gaps.values())]
    if not best:
        return -1
    if len({tuple(sorted(range(len(columns[at])), key=columns[at].__getitem__)) for at in best}) > 1:
        raise VolumeError(
            f"{Path(names[0]).name}: two numbers in the names of the sections count them, in different orders; rename "
            "them so that one is left"
        )
    return best[-1]


def order_sections(
    paths: Iterable[Path], *, is_section: Callable[[Path], bool] = is_tiff, kind: str = "TIFF"
) -> SectionFiles:
    """Sort ``paths`` by section number.

    Files of the ``kind`` without a number and files of other kinds are foreign; hidden files are passed over silently.

    Raises
    ------
    VolumeError
        No section at all, two files with one number, a number that is missing, or names in which it cannot be told.
    """
    shown = sorted(path for path in paths if not path.name.startswith("."))
    those = [path for path in shown if is_section(path)]
    number_of = dict(zip(those, section_numbers([path.name for path in those]), strict=True))
    sections: dict[int, Path] = {}
    foreign = []
    for path in shown:
        number = number_of.get(path)
        if number is None:
            foreign.append(path.name)
        elif number in sections:
            raise VolumeError(
                f"{path.parent}: {sections[number].name} and {path.name} both have the section number {number}; "
                "keep one series per folder, one number for each of its sections"
            )
        else:
            sections[number] = path
    if not sections:
        raise VolumeError(
            f"no {kind} file with a section number in its name, such as section_0001.tif; found: {foreign}"
        )
    numbers = sorted(sections)
    for before, after in pairwise(numbers):
        if after != before + 1:
            missing = f"section {before + 1} is" if after == before + 2 else f"sections {before + 1} to {after - 1} are"
            raise VolumeError(
                f"{sections[after].parent}: {missing} missing between {sections[before].name} and "
                f"{sections[after].name}; add the files or convert the parts separately"
            )
    return SectionFiles(
        files=tuple(sections[number] for number in numbers), first_number=numbers[0], foreign=tuple(foreign)
    )
