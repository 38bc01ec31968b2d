"""Which files of a folder are sections, and in which order: that of the time in their names.

The microscope calls one ``Merlin-6281_19-08-09_120426_0-0-0.dat``: machine, day (year first), time of day, and tile.
"""

from __future__ import annotations

import re
from pathlib import Path

from asem_core.errors import VolumeError

SUFFIX = ".dat"
_NAME = re.compile(r"[^.].*_(?P<time>\d\d-\d\d-\d\d_\d{6})_(?P<tile>\d+-\d+-\d+)\.dat")


def is_section(name: str) -> bool:
    """Whether a file is called as sections are.

    >>> is_section("Merlin-6281_19-08-09_120426_0-0-0.dat"), is_section("table.dat")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


def find_sections(folder: Path) -> tuple[list[Path], list[str]]:
    """The sections in ``folder`` as they were taken, and names of what else is there; hidden files never count.

    Raises
    ------
    VolumeError
        A ``.dat`` whose name has no time, two sections of one time, or several tiles a section.
    """
    sections: dict[str, Path] = {}
    tiles: set[str] = set()
    others = []
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        if path.suffix != SUFFIX:
            others.append(path.name)
            continue
        named = _NAME.fullmatch(path.name)
        if named is None:
            raise VolumeError(
                f"{path}: its name does not say when it was taken, as Merlin-6281_19-08-09_120426_0-0-0.dat does; name "
                "it so, or move it out of the folder"
            )
        tiles.add(named["tile"])
        if len(tiles) > 1:
            raise VolumeError(
                f"{folder}: sections in several tiles ({', '.join(sorted(tiles))}); stitch them, or give a folder with "
                "one tile of each section"
            )
        if named["time"] in sections:
            raise VolumeError(
                f"{folder}: {sections[named['time']].name} and {path.name} were taken at one time; keep one of them"
            )
        sections[named["time"]] = path
    return [sections[time] for time in sorted(sections)], others
