"""Which files of a folder are sections, and in which order: the last number in a name counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
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


def is_tiff(path: Path) -> bool:
    """Whether the name ends as a TIFF's does; hidden files never count."""
    return path.suffix.lower() in TIFF_SUFFIXES and not path.name.startswith(".")


def section_number(name: str) -> int | None:
    """The last number in a file name (suffix excluded), or None.

    >>> section_number("cell3_section_0042.tif")
    42
    """
    numbers = re.findall(r"\d+", Path(name).stem)
    return int(numbers[-1]) if numbers else None


def order_sections(paths: Iterable[Path]) -> SectionFiles:
    """Sort ``paths`` by section number.

    TIFF files without a number and files of other kinds are foreign; hidden files are passed over silently.

    Raises
    ------
    VolumeError
        No section at all, two files with one number, or a number that is missing.
    """
    sections: dict[int, Path] = {}
    foreign = []
    for path in sorted(path for path in paths if not path.name.startswith(".")):
        number = section_number(path.name) if is_tiff(path) else None
        if number is None:
            foreign.append(path.name)
        elif number in sections:
            raise VolumeError(
                f"{path.parent}: {sections[number].name} and {path.name} both have the section number {number} "
                "(the last number in the name); keep one series per folder"
            )
        else:
            sections[number] = path
    if not sections:
        raise VolumeError(f"no TIFF file with a section number in its name, such as section_0001.tif; found: {foreign}")
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
