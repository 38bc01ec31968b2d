"""The file of a project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from asem_core.errors import ProjectError
from asem_core.home import local_path
from asem_core.plain_yaml import read_as

_NAME = re.compile(r"\w[\w .-]*")


@attrs.frozen(kw_only=True)
class Cell:
    """A volume of a project. Addresses are as everywhere; relative ones start at the project's file."""

    raw: str
    """The image."""
    labels: str | None = None
    """Ground truth: what is segmented is scored by it."""
    mask: str | None = None
    """Where the cell is; instead of one that is made."""
    voxel_size_nm: tuple[float, ...] | None = None
    """z, y, x, where the image does not state it."""
    grey: str | None = None
    """Levels that become 0 and 255, as for `asem segment --grey`."""
    roi: str | None = None
    """Part, as for `asem segment --roi`."""
    condition: str | None = None
    """Such as ``starved``: cells of different conditions are compared on the page."""
    cell: str | None = None
    """Which cell it is of, where several volumes are of one: in comparisons they count together. By default a cell of
    its own."""


@attrs.frozen(kw_only=True)
class Target:
    """How an organelle is segmented."""

    organelle: str | None = None
    """Name of an installed organelle, or a file that describes one; by default what it is called here."""
    model: str | None = None
    """By default the organelle's."""
    adapt: float | None = None
    """Weight with which the model follows the volume, as for `asem segment --adapt`."""
    instances: bool = False
    """Whether objects that touch are told apart."""


@attrs.frozen(kw_only=True)
class Measure:
    """An analysis of an organelle."""

    analysis: str
    of: str
    """An organelle of the project."""
    others: tuple[str, ...] = ()
    """Further ones, where the analysis takes them."""
    params: Mapping[str, Any] = attrs.field(factory=dict)
    """Of the analysis; what is not named keeps its default."""

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.of}-{self.analysis}"


@attrs.frozen(kw_only=True)
class Conversion:
    """A copy of every image as OME-Zarr, which is then used instead; of the ``roi`` where there is one."""

    resample_nm: tuple[float, ...] | None = None
    """z, y, x: another voxel size."""


@attrs.frozen(kw_only=True)
class Project:
    """What is to be done with which volumes."""

    volumes: Mapping[str, Cell]
    organelles: Mapping[str, Target]
    output: str = "results"
    """Folder, made beside the file."""
    convert: Conversion | None = None
    mask: Mapping[str, float] | None = None
    """Make a mask of every volume that has none, with these fields of `asem_core.CellMask`; null: make none."""
    analyses: tuple[Measure, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not self.volumes or not self.organelles:
            raise ValueError("a project names at least one volume and one organelle")
        for name in (*self.volumes, *self.organelles):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} will be the name of a folder: use letters, digits, _, - and .")
        for measure in self.analyses:
            for name in (measure.of, *measure.others):
                if name not in self.organelles:
                    known = ", ".join(self.organelles)
                    raise ValueError(
                        f"the analysis {measure.analysis} is of {name!r}; the project's organelles: {known}"
                    )
        _check_conditions(self.volumes)
        names = [measure.name for measure in self.analyses]
        for name in {name for name in names if names.count(name) > 1}:
            raise ValueError(f"{name} is there twice: an organelle is measured once by an analysis")


def _check_conditions(volumes: Mapping[str, Cell]) -> None:
    of: dict[str, str | None] = {}
    for name, volume in volumes.items():
        condition = of.setdefault(volume.cell or name, volume.condition)
        if condition != volume.condition:
            raise ValueError(f"the cell {volume.cell or name} is of the conditions {condition} and {volume.condition}")


def read_project(path: str | Path) -> Project:
    """The project that a YAML file describes.

    Raises
    ------
    ProjectError
        It cannot be read, or a key or value does not belong; the message names the file and each of them.

    Examples
    --------
    >>> read_project("project.yaml").volumes  # doctest: +SKIP
    """
    path = local_path(path)
    if not path.exists():
        raise ProjectError(f"{path}: there is no such file; docs/projects.md shows one")
    return read_as(path, Project, error=ProjectError)
