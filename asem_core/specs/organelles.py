"""An organelle, and how objects of it that touch are told apart."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from attrs import validators

from asem_core.specs.fields import file_of_package, fraction, typed, word
from asem_core.specs.models import ModelSpec
from asem_core.specs.stages import StageRef


@attrs.frozen(kw_only=True, field_transformer=typed)
class Separation:
    """How objects of an organelle that touch are told apart; see docs/instances.md."""

    reach_nm: float = attrs.field(default=200.0, validator=[validators.gt(0), validators.le(500)])
    """Depth below the surface beyond which all is as deep; at least the radius of what is to be told apart."""
    persistence: float = attrs.field(default=0.2, validator=[validators.ge(0), validators.le(1)])
    """Least dip between two objects, as part of the depth of the shallower one; 1: what touches is one object."""
    persistence_nm: float = attrs.field(default=30.0, validator=validators.ge(0))
    """Least dip between two objects in nm; the larger of the two counts."""
    min_volume_nm3: float = attrs.field(default=3375.0, validator=validators.ge(0))
    """What is smaller goes to the object that it touches most deeply, or is dropped."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class OrganelleSpec:
    """One organelle: how its ground truth is prepared, how it is scored, and its models.

    Widths are voxels of a 5 nm grid, volumes are counted in voxels of 125 nm^3; on another grid the engine scales them.
    """

    name: str = attrs.field(validator=word)
    """Of its labels, in files and on the command line."""
    title: str
    """In words, several of it."""
    cleanup: tuple[StageRef, ...] = ()
    """Label rules, in order."""
    dilate_voxels: int = attrs.field(default=0, validator=validators.ge(0))
    """Correction of labels drawn without the membrane; a data set's own value overrides it."""
    exclusion_zone: StageRef
    """A registered exclusion zone, as in the paper; called ``paper`` on the command line."""
    zone_presets: Mapping[str, StageRef] = attrs.field(factory=dict)
    """Others in use, by the name that the command line gives them."""
    threshold: float = attrs.field(default=0.5, validator=fraction)
    """A voxel belongs to the organelle where probability >= threshold."""
    instances: bool = True
    """Whether separate objects are meaningful (mitochondria: yes; ER: one network)."""
    separation: Separation = attrs.field(factory=Separation)
    """How objects that touch are told apart, where there are separate ones."""
    models: tuple[ModelSpec, ...] = ()
    """Trained models; of a plugin `packaged_models` gives them."""
    default_model: str | None = None
    """Id of the one that runs without ``--model``; None: there is none."""
    recipe: str | None = attrs.field(default=None, validator=validators.optional(file_of_package))
    """Training recipe of the default model: ``"import_package:file.yaml"``."""
    citation: str = ""
    """Where these numbers come from."""

    def __attrs_post_init__(self) -> None:
        ids = [model.id for model in self.models]
        if twice := sorted({each for each in ids if ids.count(each) > 1}):
            places = ", ".join(model.package for model in self.models if model.id in twice)
            raise ValueError(f"models must have distinct ids, got {', '.join(twice)} more than once (in {places})")
        if self.default_model is not None and self.default_model not in ids:
            raise ValueError(f"default_model must be one of the organelle's models {ids}, got {self.default_model!r}")
