"""A measurement on a segmentation, and what it returns."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import validators

from asem_core.specs.fields import import_path, nm_range, typed, word

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
    """The verb: ``asem analyze NAME``."""
    version: str
    """Changes whenever the numbers change."""
    summary: str
    """What it measures, in a few words: the first line of its help."""
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
    """Unique among figures."""
    summary: str
    """What it shows, in words."""
    analyses: tuple[str, ...] = attrs.field(validator=_some)
    """Whose pages it is on; those that are not installed do not matter."""
    draw: str = attrs.field(validator=import_path)
    """``draw(folder, dataset) -> asem_core.reporting.Figure``: from the output folder of an earlier run, and the data
    set in it. An `AsemError` says why there is none; the page is made without it."""
