"""A training recipe: one YAML file, checked against these classes, committed with the model that it made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import cattrs
from attrs import validators
from cattrs.errors import ClassValidationError
from cattrs.v import format_exception, transform_error

from asem_core.errors import RecipeError
from asem_core.geometry import FloatTriple
from asem_core.plain_yaml import read_mapping
from asem_core.specs import StageRef
from asem_core.volume.grey import parse_grey

PRESETS = Path(__file__).parent / "presets"
_LOSS = validators.in_(("balanced_cross_entropy", "balanced_cross_entropy_dice", "cross_entropy_dice"))


def _span(_: object, field: attrs.Attribute[Any], span: tuple[float, float]) -> None:
    if not 0 < span[0] <= span[1]:
        raise ValueError(f"{field.name} must be two numbers above 0, the smaller first, got {span}")


def _share(_: object, field: attrs.Attribute[Any], share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"{field.name} must be from 0 to 1, got {share}")


@attrs.frozen(kw_only=True)
class Data:
    """One volume with labels."""

    raw: str
    """Path of the image, relative to the data folder given on the command line."""
    labels: str
    """Path of the labels, alike: integers on the image's grid, 0 for background."""
    organelle: str | None = None
    """Which labels to take where the file holds several."""
    mask: str | None = None
    """Cell mask on the image's grid, as `asem mask` makes it; what is 0 there is neither sampled for nor trained on."""
    grey: str | None = attrs.field(default=None)
    """Grey levels of the image that become 0 and 255: ``"LOW:HIGH"``, in quotes, or ``auto``, from all of the file;
    without it, the full range of its type."""
    voxel_size_nm: FloatTriple | None = None
    """Only for files that carry none. Labels and mask that carry none have that of the image."""
    unlabelled: int | None = None
    """Value of voxels that nobody has judged: they are neither trained on nor scored. Background is then 0; or, where
    this is 0, as in strokes, 1. Without it every voxel is judged, and all but 0 is the organelle."""
    roi: str | None = None
    """``z0:z1,y0:y1,x0:x1`` in voxels of the file. What lies outside is never read."""
    left_out: tuple[str, ...] = ()
    """Boxes in it, written alike, that are neither trained on nor scored; there the image is context."""
    context: bool = False
    """For validation: also read the image round the ROI, which the network would otherwise see mirrored."""
    name: str | None = None
    """What its scores are called; without it file and ROI. Validation volumes of one name count together."""
    share: float | None = attrs.field(default=None, validator=validators.optional(validators.gt(0)))
    """Relative probability of sampling here; without it, that of the recipe's ``share``."""

    @grey.validator
    def _a_range(self, _: object, grey: str | None) -> None:
        if grey is not None:
            try:
                parse_grey(grey)
            except ValueError as error:
                raise ValueError(f'{error}; write it in quotes, such as grey: "255:0"') from None


@attrs.frozen(kw_only=True)
class Augment:
    """Random variation (Gallusser et al. 2022, Table S3), and what makes a network bear other tissue than it has seen.

    The latter is off by default; a number that bounds a uniform distribution starts at 0.
    """

    elastic_spacing: int = 32
    """Voxels between control points."""
    elastic_sigma: float = 2.0
    """Standard deviation of a control point's shift, voxels."""
    rotate: bool = True
    """Uniform angle of 0 to 90 degrees about z, before a random permutation of the axes."""
    permute: Literal["all", "in_plane"] = "all"
    """Axes that are permuted at random: ``in_plane`` leaves z in its place, as is done with every volume whose sections
    are more than one and a half times as thick as its pixels are wide."""
    section_shift_probability: float = 0.05
    """Of a section that is shifted in its plane, and all after it with it."""
    section_shift_max: int = 2
    """Voxels by which it is shifted at most, along each axis of its plane."""
    contrast: tuple[float, float] = (0.85, 1.15)
    """Factor of raw about its mean, uniform."""
    brightness: tuple[float, float] = (-0.15, 0.15)
    """What is added to raw, uniform; raw is 0..1."""
    noise: float = 0.0
    """Largest standard deviation of added Gaussian noise; raw is 0..1."""
    scale: tuple[float, float] = attrs.field(default=(1.0, 1.0), validator=_span)
    """Magnification, alike along all axes, its logarithm uniform."""
    thick_probability: float = attrs.field(default=0.0, validator=_share)
    """Of a block whose sections are as thick as ``thick_nm``: averaged, then interpolated, along z or, where axes are
    permuted, any axis."""
    thick_nm: tuple[float, float] = attrs.field(default=(20.0, 80.0), validator=_span)
    """Its logarithm is uniform; what is below a voxel is no thicker than one."""
    missing_probability: float = attrs.field(default=0.0, validator=_share)
    """Of a section that is black, or the one before it once more."""
    blur: float = attrs.field(default=0.0, validator=validators.and_(validators.ge(0), validators.le(5)))
    """Largest standard deviation of a Gaussian, voxels."""
    gamma: tuple[float, float] = attrs.field(default=(1.0, 1.0), validator=_span)
    """Exponent of raw, its logarithm uniform."""
    curtains: float = attrs.field(default=0.0, validator=validators.ge(0))
    """Largest standard deviation of stripes along y, as a milled face has; raw is 0..1."""


@attrs.frozen(kw_only=True)
class Sampling:
    """Which blocks are trained on (Gallusser et al. 2022: 5 % foreground, else kept with probability 0.1)."""

    min_foreground: float = 0.05
    """Fraction of a block that must be the organelle."""
    keep_without: float = 0.1
    """Probability of taking a block that has less all the same."""
    min_inside: float = 0.75
    """Fraction of the block that must lie inside the mask and the ROI."""


@attrs.frozen(kw_only=True)
class Phase:
    """A stretch of iterations with one block size."""

    iterations: int = attrs.field(validator=validators.gt(0))
    """How long it is."""
    side: int = attrs.field()
    """Input voxels per axis: 4 mod 8 for valid convolutions, 0 mod 8 with padding."""
    rate: tuple[float, float] = attrs.field(default=(3e-5, 3e-5))
    """Learning rate at the first iteration of the phase and after its last, linear between."""
    padded: bool = False
    """Zero-padded convolutions: every voxel of the block is trained on, at a fraction of the cost per voxel, with
    wrong context near the block's faces. Only to begin with."""
    frozen: bool = False
    """Normalise by settled statistics, as inference does, instead of by each block's own. The last phases should."""
    augment: Augment | None = None
    """Instead of the recipe's."""
    loss: str | None = attrs.field(default=None, validator=validators.optional(_LOSS))
    """Instead of the recipe's."""
    sampling: Sampling | None = None
    """Instead of the recipe's."""

    @rate.validator
    def _not_negative(self, _: object, rate: tuple[float, float]) -> None:
        if min(rate) < 0 or max(rate) == 0:
            raise ValueError(f"rate must be two numbers, not negative and not both 0, got {rate}")

    @side.validator
    def _fits(self, _: object, side: int) -> None:
        if (side < 100 and not self.padded) or side % 8 != (0 if self.padded else 4):
            raise ValueError(f"side must be 0 mod 8 with padding; else 4 mod 8 and at least 100; got {side}")


@attrs.frozen(kw_only=True)
class Optimiser:
    """Adam; the rates stand in the phases."""

    weight_decay: float = 3e-5
    """Factor of the weights that is added to their gradient."""
    decoupled: bool = False
    """Weight decay as in AdamW instead of an L2 term."""
    warmup: int = 0
    """Iterations over which the rate rises from 0."""
    normalisation: float = attrs.field(default=1.0, validator=validators.gt(0))
    """Rate of the weights and biases of the normalisation, in multiples of all others'."""
    convolutions: bool = True
    """Whether all weights learn, or those of the normalisation alone: the scale and the shift of every feature."""
    clip: float | None = attrs.field(default=None, validator=validators.optional(validators.gt(0)))
    """Largest norm of the gradient of all weights: a block that is very wrong then counts no more than others."""


@attrs.frozen(kw_only=True)
class Recipe:
    """All that a training run is made from. The same recipe, data and machine give the same weights."""

    organelle: str
    """Name of the labels, or a file that describes the organelle (docs/organelles.md), relative to the data folder."""
    voxel_size_nm: FloatTriple
    """The model's grid, z, y, x; volumes are resampled to it."""
    training: tuple[Data, ...] = attrs.field(validator=validators.min_len(1))
    """Volumes that are trained on."""
    validation: tuple[Data, ...] = ()
    """Volumes that the network is judged by and not trained on."""
    share: str = attrs.field(default="volume", validator=validators.in_(("volume", "equal")))
    """How often training volumes that state no share of their own are sampled: by their micrometres cubed, or each with
    a share of 1."""
    preset: str = "paper"
    """Where all comes from that is not said: ``paper`` or ``fast``."""
    seed: int = 0
    """Of all that is random."""
    base: int = attrs.field(default=32, validator=validators.gt(0))
    """Features of the network's top level."""
    start: str | None = None
    """Model to begin from, of the same base: ``ID``, ``ID@VERSION``, or the folder or zip of its package. Without one,
    from nothing."""
    preprocess: tuple[StageRef, ...] | None = None
    """Stages that every image goes through first, in order, as those of `asem preprocess`: ``name`` and ``params``. The
    model takes them along. Not said: those of the model that training starts from, else none."""
    normalise: bool = False
    """Batch normalisation while training, folded into the convolutions at export. With ``start`` it is put back in
    first, by statistics of the training volumes that stay as they are (`asem_core.training.unfold`)."""
    settle_blocks: int = attrs.field(default=0, validator=validators.ge(0))
    """Blocks over which the statistics of the normalisation are averaged before they are used: where frozen phases
    begin, or after the last iteration. With ``start`` they are settled before the first."""
    loss: str = attrs.field(default="balanced_cross_entropy", validator=_LOSS)
    """What is made small: balanced cross-entropy, or with the Dice loss added."""
    shape_descriptors_nm: float | None = attrs.field(default=None, validator=validators.optional(validators.gt(0)))
    """Also learn local shape descriptors (LSD) of the organelle's connected objects, in a Gaussian window of this
    standard deviation (`asem_core.training.descriptors`); the model that is exported does not have them."""
    batch: int = attrs.field(default=1, validator=validators.gt(0))
    """Blocks per iteration."""
    phases: tuple[Phase, ...] = attrs.field(validator=validators.min_len(1))
    """Stretches of the run, in order."""
    sampling: Sampling = Sampling()
    """Which blocks are trained on."""
    augment: Augment = Augment()
    """How they are varied."""
    optimiser: Optimiser = attrs.field(default=Optimiser())
    """How weights follow the loss."""
    average: float = attrs.field(default=0.0, validator=validators.and_(validators.ge(0), validators.lt(1)))
    """Decay of a moving average of the weights, which is validated and used instead of the last ones; 0: none
    (`asem_core.training.average`)."""
    mixed_precision: bool = False
    """bfloat16 autocast; slower on processors without bfloat16 instructions."""
    validate_every: int = attrs.field(default=1000, validator=validators.gt(0))
    """Iterations from one validation to the next."""
    checkpoint_every: int = attrs.field(default=1000, validator=validators.gt(0))
    """Iterations after which what a stopped run goes on from is written."""
    select: str = attrs.field(default="last", validator=validators.in_(("last", "fit")))
    """Which weights the run gives: those after its last iteration, or those in the middle of its fit regime, which
    needs validation volumes."""
    early_stop: bool = attrs.field(default=False)
    """End the run once the validation loss is clearly past the fit regime; with ``select: fit``."""

    @training.validator
    def _without_context(self, _: object, training: tuple[Data, ...]) -> None:
        if any(data.context for data in training):
            raise ValueError("context: true is for validation; training reads nothing outside its ROI")

    @select.validator
    def _by_something(self, _: object, select: str) -> None:
        if select == "fit" and not self.validation:
            raise ValueError("select: fit needs validation volumes: give some, or select: last")

    @optimiser.validator
    def _of_something(self, _: object, optimiser: Optimiser) -> None:
        if not optimiser.convolutions and not self.normalise:
            raise ValueError("optimiser: {convolutions: false} leaves the normalisation to learn: say normalise: true")

    @early_stop.validator
    def _at_the_fit_regime(self, _: object, early_stop: bool) -> None:
        if early_stop and self.select != "fit":
            raise ValueError("early_stop needs select: fit, since the last weights are those that overfit")

    @property
    def iterations(self) -> int:
        """Iterations in all."""
        return sum(phase.iterations for phase in self.phases)

    def phase_at(self, iteration: int) -> Phase:
        """The phase of ``iteration`` (counted from 0)."""
        return self._locate(iteration)[0]

    def validates_after(self, done: int) -> bool:
        """Whether the network is validated after ``done`` iterations; before the first only where it starts trained."""
        due = done == self.iterations or (done % self.validate_every == 0 and (done > 0 or self.start is not None))
        return bool(self.validation) and due

    def settles_before(self, iteration: int) -> bool:
        """Whether the statistics of the normalisation are settled before ``iteration`` (counted from 0) is trained."""
        return self._locate(iteration)[0].frozen and self.settles_after(iteration)

    def settles_after(self, done: int) -> bool:
        """Whether they are settled before the network of ``done`` iterations is used; not if it trained with them."""
        frozen = done > 0 and self._locate(done - 1)[0].frozen
        return self.normalise and self.settle_blocks > 0 and self.start is None and not frozen

    def rate_at(self, iteration: int) -> float:
        """Learning rate of ``iteration`` (counted from 0)."""
        phase, since = self._locate(iteration)
        first, last = phase.rate
        rise = min(1.0, (iteration + 1) / self.optimiser.warmup) if self.optimiser.warmup else 1.0
        return rise * (first + (last - first) * since / phase.iterations)

    def _locate(self, iteration: int) -> tuple[Phase, int]:
        """The phase of ``iteration``, and how many iterations of it come before."""
        since = iteration
        for phase in self.phases:
            if since < phase.iterations:
                return phase, since
            since -= phase.iterations
        raise IndexError(f"the recipe has {self.iterations} iterations, got {iteration}")


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; what it does not say comes from its preset.

    Raises
    ------
    RecipeError
        Not a readable YAML mapping, an unknown preset, or a key or value that does not belong: the message names each.
    """
    written = read_mapping(path, error=RecipeError)
    preset = written.get("preset", "paper")
    known = sorted(file.stem for file in PRESETS.glob("*.yaml"))
    if preset not in known:
        raise RecipeError(f"{path}: unknown preset {preset!r}; there are: {', '.join(known)}")
    return structure_recipe(
        _merge(read_mapping(PRESETS / f"{preset}.yaml", error=RecipeError), written), where=str(path)
    )


def structure_recipe(values: Mapping[str, Any], *, where: str) -> Recipe:
    """Check plain values against `Recipe`; ``where`` names their origin in errors."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    try:
        return converter.structure(dict(values), Recipe)
    except ClassValidationError as error:
        reasons = transform_error(error, path="recipe", format_exception=_explain)
        raise RecipeError(f"{where}: " + "; ".join(reasons)) from None


def _explain(error: BaseException, kind: type | None) -> str:
    """What cattrs says, and what the validators of the classes above say, which it leaves out."""
    said = format_exception(error, kind)
    return f"{said} ({error.args[0]})" if isinstance(error, ValueError) and error.args else said


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """Plain values of ``recipe``, complete, ready for YAML or JSON."""
    values: dict[str, Any] = cattrs.Converter().unstructure(recipe)
    return values


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
