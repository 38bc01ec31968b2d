"""What plugins register: frozen data, no code. Imports attrs and the standard library only, as `spec_fields` does.

Heavy code is named as ``"package.module:function"`` and resolved on use, so that listing plugins stays cheap. Every
field accepts its annotated type and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import validators

from asem_core.spec_fields import (
    FloatTriple,
    Triple,
    distinct_names,
    file_of_package,
    fraction,
    import_path,
    label_places,
    nm_range,
    positive_triple,
    requirements,
    three,
    typed,
    whole_triple,
    word,
)

__all__ = [
    "ANALYSIS_INPUTS",
    "DTYPES",
    "OTHER",
    "AnalysisSpec",
    "Capabilities",
    "CheckpointSpec",
    "DatasetBlock",
    "DatasetSpec",
    "ExclusionZoneSpec",
    "FigureSpec",
    "FloatTriple",
    "LabelRuleSpec",
    "ModelSpec",
    "OrganelleSpec",
    "Output",
    "Precision",
    "PreprocessorSpec",
    "PublishedScore",
    "ReaderSpec",
    "RunEvent",
    "RuntimeSpec",
    "Separation",
    "StageRef",
    "TrainedGrey",
    "Triple",
    "model_of",
    "packaged_models",
]  # fmt: skip


@attrs.frozen(kw_only=True, field_transformer=typed)
class StageRef:
    """How a model or an organelle names a registered preprocessor, label rule or exclusion zone, and its parameters."""

    name: str = attrs.field(validator=word)
    params: Mapping[str, Any] = attrs.field(factory=dict)
    """Values for the stage's parameter class; what is not named keeps its default."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class PreprocessorSpec:
    """A step between the raw volume and the network."""

    name: str = attrs.field(validator=word)
    version: str
    """Changes whenever the numbers change."""
    summary: str
    fn: str = attrs.field(validator=import_path)
    """``fn(raw, *, box, voxel_size, stats, params) -> ndarray``; ``raw`` ``(z, y, x)`` is ``box`` of the volume."""
    params: str = attrs.field(validator=import_path)
    """The frozen attrs class of the parameters."""
    halo: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """``halo(voxel_size, params) -> (z, y, x)``, the voxels of context that ``fn`` needs around a block. None: none."""
    dtype_out: str = "float32"
    """Of what ``fn`` returns."""
    statistics: tuple[str, ...] = attrs.field(default=(), validator=validators.deep_iterable(import_path))
    """What must be known of the whole volume before a block runs: ``"package.module:function"`` each.

    ``function(volume, *, params, progress) -> ndarray``; ``fn`` finds the array in ``stats`` under the function's name.
    """


@attrs.frozen(kw_only=True, field_transformer=typed)
class LabelRuleSpec:
    """A step of the preparation of ground-truth labels. A clean-up is idempotent; a dilation is not."""

    name: str = attrs.field(validator=word)
    version: str
    """Changes whenever the numbers change."""
    summary: str
    fn: str = attrs.field(validator=import_path)
    """``fn(labels, *, voxel_size, params) -> ndarray``, same shape and dtype as ``labels`` ``(z, y, x)``."""
    params: str = attrs.field(validator=import_path)
    """The frozen attrs class of the parameters."""
    halo: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """Block scope: ``halo(voxel_size, params) -> (z, y, x)``, the voxels of context that ``fn`` needs around a block.
    Without it a voxel is judged by itself."""
    by_blocks: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """Volume scope, for what no halo can do (connected components): ``by_blocks(labels, *, voxel_size, params)`` takes
    and returns `asem_core.labels.blocks.LabelBlocks` and gives the same voxels as ``fn`` on the whole array."""

    def __attrs_post_init__(self) -> None:
        if self.halo and self.by_blocks:
            raise ValueError(f"the label rule {self.name!r} has a halo and a function by_blocks: one is enough")

    @property
    def scope(self) -> str:
        """``block``: a halo is enough; ``volume``: all voxels may matter to one."""
        return "volume" if self.by_blocks else "block"


@attrs.frozen(kw_only=True, field_transformer=typed)
class ExclusionZoneSpec:
    """Which voxels near the boundary of the ground truth are not scored."""

    name: str = attrs.field(validator=word)
    version: str
    """Changes whenever the numbers change."""
    summary: str
    fn: str = attrs.field(validator=import_path)
    """``fn(inside, *, voxel_size, params) -> bool ndarray`` of the same shape, True = not scored. ``inside``, bool
    ``(z, y, x)``, is where the ground truth has the organelle: a block and its halo, False outside the volume."""
    params: str = attrs.field(validator=import_path)
    """The frozen attrs class of the parameters. Mark widths and volumes in voxels of 5 nm with
    `asem_core.grid.reference.WIDTH` and ``VOLUME``: then reports say what they are on a grid."""
    halo: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """``halo(voxel_size, params) -> (z, y, x)``, the voxels of context that ``fn`` needs around a block. None: none."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class ReaderSpec:
    """A volume format."""

    name: str = attrs.field(validator=word)
    summary: str
    accepts: str = attrs.field(validator=import_path)
    """``accepts(uri: str) -> bool``: cheap, looks at names and markers only."""
    open: str = attrs.field(validator=import_path)
    """``open(uri: str) -> asem_core.volume.Source``."""
    requires: tuple[str, ...] = attrs.field(default=(), validator=requirements)
    """Import packages that must be installed, with the extra that brings them: ``"tensorstore: asem-core[n5]"``."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class DatasetBlock:
    """A part of a data set that was labelled for one organelle, and what it served for."""

    name: str = attrs.field(validator=word)
    organelle: str = attrs.field(validator=word)
    role: str = attrs.field(validator=validators.in_(("training", "validation", "fine-tuning", "prediction")))
    shape: Triple | None = attrs.field(default=None, validator=validators.optional(whole_triple(1)))
    """Voxels; None where it is not published."""
    start: Triple | None = attrs.field(default=None, validator=validators.optional(whole_triple(0)))
    """First voxel of the block in the data set's image; None where it is not published."""
    ordered: bool = True
    """Whether ``shape`` is known to be z, y, x; False: as the source prints it, order not guaranteed."""
    summary: str = ""

    def __attrs_post_init__(self) -> None:
        if self.start is not None and (self.shape is None or not self.ordered):
            raise ValueError(f"block {self.name!r} has a start, so it needs a shape in z, y, x order")


@attrs.frozen(kw_only=True, field_transformer=typed)
class DatasetSpec:
    """A volume and its labels: where they are, how they are labelled, under what terms."""

    name: str = attrs.field(validator=word)
    uri: str
    """The image, or a container that holds ``image`` and the labels."""
    image: str = ""
    """Path of the image inside ``uri``; empty: what is opened at ``uri`` itself."""
    voxel_size_nm: FloatTriple = attrs.field(validator=positive_triple)
    labels: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, validator=label_places)
    """Per organelle: ``path`` inside ``uri``, and ``dilate_voxels`` where it differs from the organelle's."""
    blocks: tuple[DatasetBlock, ...] = attrs.field(default=(), validator=distinct_names)
    licence: str
    citation: str
    sha256: str | None = None
    """Of what the image says about itself, as `asem_core.datasets.fetch.source_sha256` computes it."""
    fixation: str | None = None
    split: str | None = None
    summary: str = ""


@attrs.frozen(kw_only=True, field_transformer=typed)
class TrainedGrey:
    """Grey values of the volumes that a model was trained on, on the 0..255 scale that it is given.

    Of each number the lowest, a middle one (each volume counts by its share of the training) and the highest among
    these volumes, as `asem_core.volume.grey` measures it.
    """

    low: FloatTriple = attrs.field(converter=three)
    """1st percentile."""
    median: FloatTriple = attrs.field(converter=three)
    high: FloatTriple = attrs.field(converter=three)
    """99th percentile."""
    contrast: FloatTriple = attrs.field(converter=three)
    """Above 0: membranes are dark on a bright ground."""
    volumes: int
    """How many were measured."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class ModelSpec:
    """Trained weights: a bioimage.io package folder inside the plugin's wheel, and what it needs to run."""

    id: str = attrs.field(validator=word)
    version: str
    package: str
    """Folder of the package: ``"import_package:folder"``."""
    voxel_size_nm: FloatTriple = attrs.field(validator=positive_triple)
    preprocess: tuple[StageRef, ...] = ()
    """Stages that run on raw scaled to 0..255, in this order."""
    sha256: str
    """Of the ONNX file."""
    int8_sha256: str | None = None
    """Of the same network in 8-bit integers; None: the package has none."""
    licence: str
    trained_on: str
    scores: Mapping[str, float] = attrs.field(factory=dict)
    grey: TrainedGrey | None = None
    """What it was trained on; None: not known."""


def packaged_models(package: str, folder: Path) -> tuple[ModelSpec, ...]:
    """The models that a plugin carries: what ``model.json`` in each folder of ``<folder>/models`` says.

    ``package`` is the plugin's import package, ``folder`` its place. ``model.json`` was written together with the
    weights, and its sha256 is compared with them whenever the package is opened. That finds damage: a truncated
    download, a half-updated folder, weights exchanged by mistake. It does not protect against somebody who can write
    into the installed package, and a sha256 in the plugin's own code would not either.
    """
    manifests = sorted((folder / "models").glob("*/model.json"))
    return tuple(_packaged(manifest, package=f"{package}:models/{manifest.parent.name}") for manifest in manifests)


def _packaged(manifest: Path, *, package: str) -> ModelSpec:
    try:
        return model_of(json.loads(manifest.read_text(encoding="utf-8")), package=package)
    except KeyError as error:
        raise ValueError(f"{manifest} lacks {error}: install the plugin again") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{manifest} does not describe a model ({error}): install the plugin again") from None


def model_of(values: Mapping[str, Any], *, package: str) -> ModelSpec:
    """The spec that ``model.json`` holds the plain ``values`` of, for the package that lies at ``package``."""
    stages = tuple(StageRef(**stage) for stage in values["preprocess"])
    size = tuple(float(v) for v in values["voxel_size_nm"])
    grey = values.get("grey") and TrainedGrey(**values["grey"])
    return ModelSpec(
        **{**values, "preprocess": stages, "voxel_size_nm": size, "grey": grey, "package": package},
    )


@attrs.frozen(kw_only=True, field_transformer=typed)
class PublishedScore:
    """What a publication states of a model's accuracy on one volume, fractions of 1; nothing that was measured here."""

    volume: str
    """In words, and whether the model was trained on it."""
    f1: float
    precision: float | None = None
    recall: float | None = None


@attrs.frozen(kw_only=True, field_transformer=typed)
class CheckpointSpec:
    """A published checkpoint of the ASEM network: ``asem zoo pull NAME`` fetches it and makes a package of it."""

    name: str = attrs.field(validator=validators.matches_re(r"[\w-]+/[\w.-]+"))
    """``SOURCE/NUMBER``. The package is called ``SOURCE-NUMBER``."""
    uri: str
    """Address of the file."""
    organelle: str = attrs.field(validator=word)
    title: str
    """In words, 5 to 50 letters and digits."""
    voxel_size_nm: FloatTriple = attrs.field(validator=positive_triple)
    fixation: str
    base: int | None = None
    """Features of the network's top level; another network under this name is refused. None: any."""
    cells: tuple[str, ...] = ()
    """What it was trained on; empty: not known."""
    normalise: tuple[StageRef, ...] = ()
    """Stages that give the network the images it was trained on, before the fixed scale to -1..1."""
    sha256: str | None = None
    """Of the file; None: not published."""
    scores: tuple[PublishedScore, ...] = ()
    scores_note: str = ""
    """How the scores were obtained, and of which weights."""
    claims: tuple[str, ...] = ()
    """Where published statements disagree, and what is taken here."""
    known_failures: tuple[str, ...] = ()
    licence: str
    """As stated by the source, or that none is stated."""
    citation: str
    doi: str

    @property
    def model_id(self) -> str:
        """Name of the package."""
        return self.name.replace("/", "-")


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
    default_model: str | None = None
    recipe: str | None = attrs.field(default=None, validator=validators.optional(file_of_package))
    """Training recipe of the default model: ``"import_package:file.yaml"``."""
    citation: str = ""
    """Where these numbers come from."""

    def __attrs_post_init__(self) -> None:
        ids = [model.id for model in self.models]
        if self.default_model is not None and self.default_model not in ids:
            raise ValueError(f"default_model must be one of the organelle's models {ids}, got {self.default_model!r}")


ANALYSIS_INPUTS = ("raw", "cell_mask", "others")
"""What an analysis may be given beside the objects: the image, a cell mask, and objects of other organelles."""


def _analysis_inputs(_: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    unknown = [name for name in value if name not in ANALYSIS_INPUTS]
    if unknown:
        raise ValueError(f"{attribute.name} must be of {', '.join(ANALYSIS_INPUTS)}, got {', '.join(unknown)}")


DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "str",
)
"""What a variable of an analysis may hold; ``str``: text."""
OTHER = "OTHER"
"""In the name of a variable: the name of another organelle that the analysis is given."""


def _variables(_: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not value or not all(value):
        raise ValueError(f"{attribute.name} must name at least one variable, got {value}")


@attrs.frozen(kw_only=True, field_transformer=typed)
class Output:
    """Variables of the data set that an analysis returns, alike in everything but their names."""

    names: tuple[str, ...] = attrs.field(validator=_variables)
    """Each ends with its unit, where it has one: ``volume_nm3``. A name with `OTHER` in it, such as
    ``nearest_OTHER_nm``, stands for one variable per other organelle that is given, and for none where none is."""
    dtype: str = attrs.field(validator=validators.in_(DTYPES))
    """Of `DTYPES`."""
    text: str
    """What they are, for people: the variables get it as ``long_name``."""
    dims: tuple[str, ...] | None = None
    """Dimensions. None: that of the rows alone, so that the variable is a column of the table."""
    optional: bool = False
    """Whether parameters decide that it is there."""
    measures: bool = True
    """Whether cells may be compared by it. False for what is no quantity of an object: places, directions, the numbers
    of other objects, how well something was measured."""


def _outputs(_: object, attribute: attrs.Attribute[Any], value: tuple[Output, ...]) -> None:
    names = [name for output in value for name in output.names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        raise ValueError(f"{attribute.name} must state every variable once, got {', '.join(twice) or 'none'}")


@attrs.frozen(kw_only=True, field_transformer=typed)
class AnalysisSpec:
    """A measurement on a segmentation: a verb of ``asem analyze``."""

    name: str = attrs.field(validator=word)
    version: str
    """Changes whenever the numbers change."""
    summary: str
    fn: str = attrs.field(validator=import_path)
    """``fn(view, *, params) -> xarray.Dataset``: a `asem_core.analysis.View` in, `outputs` out, one row per object.
    Its ``attrs["statistics"]``, plain values that JSON can hold, are the numbers of all objects together; its
    ``attrs["notes"]`` are lines to print."""
    params: str = attrs.field(validator=import_path)
    """A frozen attrs class. Each field is an option of the command line: its name, type (int, float, bool, str, Path or
    a ``Literal`` of words), default, and the docstring under it as help."""
    needs: tuple[str, ...] = attrs.field(default=(), validator=_analysis_inputs)
    """Inputs without which it does not run: of `ANALYSIS_INPUTS`."""
    takes: tuple[str, ...] = attrs.field(default=(), validator=_analysis_inputs)
    """Inputs that it uses where they are given."""
    voxel_nm: tuple[float, float] = attrs.field(default=(0.1, 10_000.0), validator=nm_range)
    """Smallest and largest edge of a voxel at which it measures; other data, such as sizes that are stated in another
    unit, are refused."""
    row: str = attrs.field(validator=word)
    """Dimension of the data set that counts the rows of the table, such as ``object``."""
    outputs: tuple[Output, ...] = attrs.field(validator=_outputs)
    """Every variable of the data set. One that is missing, that is not stated here, or of another type or of other
    dimensions is refused before anything is written. Coordinates need not be stated."""
    examples: tuple[str, ...] = ()
    """Command lines for its ``--help``."""
    kinds: str | None = None
    """A column of words that says of which kind a row is, such as its class: where cells are compared, rows of
    different kinds are not put together, and rows without a word are left out."""
    counted: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """``counted(dataset) -> xarray.Dataset``: without the rows, and with NaN for the values, that do not count where
    cells are compared. None: all count."""
    report: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """``report(dataset) -> asem_core.reporting.parts.Report``: the page of ``asem report``, made from the data set of
    an earlier run. None: a plain one with the distribution of every column."""

    def __attrs_post_init__(self) -> None:
        words = [name for output in self.outputs if output.dtype == "str" for name in output.names]
        if self.kinds is not None and self.kinds not in words:
            raise ValueError(f"kinds must be one of the columns of words {words}, got {self.kinds!r}")


def _some(_: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError(f"{attribute.name} must name at least one analysis")


@attrs.frozen(kw_only=True, field_transformer=typed)
class FigureSpec:
    """A figure that a plugin adds to the page of an analysis, which may be another plugin's."""

    name: str = attrs.field(validator=word)
    summary: str
    """What it shows, in words."""
    analyses: tuple[str, ...] = attrs.field(validator=_some)
    """Whose pages it is on; those that are not installed do not matter."""
    draw: str = attrs.field(validator=import_path)
    """``draw(folder, dataset) -> asem_core.reporting.Figure``: from the output folder of an earlier run, and the data
    set in it. An `AsemError` says why there is none; the page is made without it."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class Precision:
    """An arithmetic that a runtime offers on this machine, and what it costs there."""

    name: str = attrs.field(validator=word)
    """``f32``, ``bf16``, ``int8`` ..., as in ``--precision``."""
    bytes_per_value: float = attrs.field(validator=validators.gt(0))
    """Peak bytes of a session for each value of the tensors that are alive at once in the graph, workspace included:
    what the preflight counts memory with."""
    speed: float = attrs.field(validator=validators.gt(0))
    """The graph's operations per second, in those of numpy's float32 matrix product on this machine's processor: what
    the preflight counts time with."""
    quantised: bool = False
    """Whether it runs a package's graph in 8-bit integers in place of its weights: models without one do not get it."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class Capabilities:
    """What a runtime can do on this machine."""

    precisions: tuple[Precision, ...] = attrs.field(validator=[validators.min_len(1), distinct_names])
    """``--precision auto`` takes the first that the model has."""
    rank: int
    """``--runtime auto`` takes the usable runtime with the highest. Core's: 10 ONNX Runtime on a processor,
    20 OpenVINO, 30 ONNX Runtime on a GPU."""
    device_memory: int | None = attrs.field(default=None, validator=validators.optional(validators.gt(0)))
    """Bytes that are free in the device's own memory; None: it works in the machine's, or does not know."""
    at_once: int = attrs.field(default=1, validator=validators.ge(1))
    """Threads that may run a session at once: on a device with memory of its own 2, so that one tile is copied while
    another is computed. Above 1, tiles are read and written by as many threads as there are processors."""
    rewrite: str | None = attrs.field(default=None, validator=validators.optional(import_path))
    """``rewrite(model: onnx.ModelProto) -> onnx.ModelProto``: what it runs in place of a graph of fixed shapes. Memory
    and time are estimated of that; None: it runs graphs as they are packaged."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class RuntimeSpec:
    """Something that runs an ONNX graph."""

    name: str = attrs.field(validator=word)
    summary: str
    probe: str = attrs.field(validator=import_path)
    """``probe() -> Capabilities | str``: what it can do on this machine; a text says why nothing, and what to
    install."""
    open: str = attrs.field(validator=import_path)
    """``open(model: Path, *, shape: tuple[int, ...], precision: str, threads: int)`` returns a
    `asem_core.models.runtimes.session.Session`; ``shape`` is that of the graph's whole input, ``precision`` the name of
    one that ``probe`` stated, ``model`` the quantised graph where it is a quantised one."""


@attrs.frozen(kw_only=True, field_transformer=typed)
class RunEvent:
    """What `asem_run_finished` observers are told."""

    verb: str
    seconds: float
    detail: Mapping[str, Any] = attrs.field(factory=dict)
