"""Where the files of one volume of a project lie: those that are given, and those that are made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import attrs

from asem_core.geometry import Box, BoxNm, parse_roi
from asem_core.organelles import find_organelle, is_organelle_file
from asem_core.project.read import Cell, Project
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec
from asem_core.volume.address import beside, is_remote
from asem_core.volume.grey import Grey, parse_grey
from asem_core.volume.opening import as_volume, open_volume
from asem_core.volume.volume import Volume


@attrs.frozen(kw_only=True)
class Site:
    """A volume of a project, with its files."""

    name: str
    cell: Cell
    base: Path
    """Folder of the project's file."""
    folder: Path
    """Of all that is made of the volume."""
    project: Project
    registry: Registry

    @property
    def given(self) -> Volume:
        """The image as it was given."""
        return open_volume(self.addressed(self.cell.raw), registry=self.registry, voxel_size=self.cell.voxel_size_nm)

    @property
    def converted(self) -> Path:
        """The copy of the image that the project may ask for."""
        return self.folder / "raw.zarr"

    @property
    def raw_address(self) -> str:
        """Of what is segmented and measured."""
        return self.addressed(self.cell.raw) if self.project.convert is None else str(self.converted)

    @property
    def raw(self) -> Volume:
        """What is segmented and measured."""
        return self.given if self.project.convert is None else open_volume(self.converted, registry=self.registry)

    @property
    def labels(self) -> str | None:
        """Address of the ground truth."""
        return None if self.cell.labels is None else self.addressed(self.cell.labels)

    @property
    def makes_mask(self) -> bool:
        """Whether the project asks for a mask that was not given."""
        return self.cell.mask is None and self.project.mask is not None

    @property
    def mask(self) -> str | None:
        """Address of the mask, given or made."""
        if self.cell.mask is not None:
            return self.addressed(self.cell.mask)
        return str(self.folder / "mask.zarr") if self.makes_mask else None

    @property
    def roi(self) -> Box | BoxNm | None:
        """The part that is asked for."""
        return None if self.cell.roi is None else parse_roi(self.cell.roi)

    @property
    def grey(self) -> Grey:
        """Levels that become 0 and 255."""
        return None if self.cell.grey is None else parse_grey(self.cell.grey)

    def addressed(self, address: str) -> str:
        """``address`` as it is meant in the project's file."""
        return beside(self.base, address)

    def opening(self, address: str, *, labels: str | None = None) -> Callable[[], Volume]:
        """Opens what lies at ``address``, or its ``labels``; by the image's voxel size where none is stated."""
        return partial(
            as_volume,
            address,
            registry=self.registry,
            voxel_size=self.cell.voxel_size_nm,
            only_if_unstated=True,
            labels=labels,
        )

    def organelle(self, name: str) -> OrganelleSpec:
        """What an organelle of the project stands for."""
        asked = self.project.organelles[name].organelle or name
        return find_organelle(self.addressed(asked) if is_organelle_file(asked) else asked, self.registry)

    def model(self, name: str) -> str | None:
        """The model that finds it: an id, or an address."""
        asked = self.project.organelles[name].model
        there = asked is not None and not is_remote(asked) and Path(self.addressed(asked)).exists()
        return self.addressed(asked) if asked is not None and there else asked

    def segmented(self, name: str) -> Path:
        """Its segmentation."""
        return self.folder / f"{name}.zarr"

    def separated(self, name: str) -> Path:
        """Its segmentation with an id for each object."""
        return self.folder / f"{name}-instances.zarr"

    def label(self, name: str) -> str:
        """Address of the label that was segmented."""
        return str(self.segmented(name) / "labels" / self.organelle(name).name)

    def objects(self, name: str) -> str:
        """Address of its objects: the ids, where they are told apart, else the label."""
        if self.project.organelles[name].instances:
            return str(self.separated(name) / "labels" / f"{self.organelle(name).name}_instances")
        return self.label(name)

    def scores(self, name: str) -> Path:
        """Its scores."""
        return self.folder / f"{name}-evaluation.json"
