"""Where Linux keeps the limits of this process: its cgroups and all above them, versions 1 and 2, in containers too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

__all__ = ["cgroup_folders", "text_of"]


def cgroup_folders(root: Path, controller: str) -> Iterator[tuple[int, Path]]:
    """Version and folder of every cgroup that may limit what ``controller`` counts for this process.

    Parameters
    ----------
    root
        Of the file system with ``proc`` and the mounted cgroups: ``/``.
    controller
        ``memory`` or ``cpu``.

    Notes
    -----
    A limit holds for everything below it, so every ancestor counts: in SLURM the job's above the step's and the task's.
    Versions 1 and 2 may both be mounted. A container may see its own cgroup as the root of the mount, while
    ``/proc/self/cgroup`` names it as the host does.
    """
    mounts = list(_mounts(text_of(root / "proc/self/mountinfo") or "", controller))
    for version, path in _own_cgroups(text_of(root / "proc/self/cgroup") or "", controller):
        there = [mount for mount in mounts if mount.version == version]
        for mount in [mount for mount in there if mount.shows(path)] or there:
            for folder in mount.folders(path):
                yield version, root / folder


@attrs.frozen(kw_only=True)
class _Mount:
    """A mounted hierarchy of cgroups."""

    version: int
    top: tuple[str, ...]
    """The cgroup that is seen at ``point``."""
    point: tuple[str, ...]

    def shows(self, path: tuple[str, ...]) -> bool:
        """Whether the cgroup ``path`` is seen here."""
        return path[: len(self.top)] == self.top

    def folders(self, path: tuple[str, ...]) -> Iterator[Path]:
        """Relative to ``/``: the cgroup ``path`` and its ancestors, as far as they are seen here."""
        below = path[len(self.top) :] if self.shows(path) else ()
        for depth in range(len(below), -1, -1):
            yield Path(*self.point, *below[:depth])


def _own_cgroups(text: str, controller: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The cgroups of this process, from ``/proc/self/cgroup``: ``number:controllers:path``."""
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            yield 1, _parts(path)
        elif number == "0" and not controllers:
            yield 2, _parts(path)


def _mounts(text: str, controller: str) -> Iterator[_Mount]:
    """From ``/proc/self/mountinfo``: ``id parent device TOP POINT options [tags] - TYPE source OPTIONS``."""
    for line in text.splitlines():
        place, _, kind = line.partition(" - ")
        before, after = place.split(), kind.split()
        if len(before) < 5 or not after:
            continue
        version = {"cgroup": 1, "cgroup2": 2}.get(after[0])
        if version == 2 or (version == 1 and controller in after[-1].split(",")):
            yield _Mount(version=version, top=_parts(before[3]), point=_parts(before[4]))


def _parts(path: str) -> tuple[str, ...]:
    """Names along ``path``, in which the kernel writes a space as ``\\040``."""
    return tuple(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), part) for part in path.split("/") if part)


def text_of(path: Path) -> str | None:
    """What stands in ``path``; None where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
