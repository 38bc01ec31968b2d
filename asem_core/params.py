"""Parameters of a stage: from the words of a user, a YAML file or a model card to the stage's frozen attrs class."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

import attrs
import cattrs

from asem_core.errors import PluginError
from asem_core.registry import resolve
from asem_core.specs import StageRef

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _truth(value: Any, _: type) -> bool:
    found = value if isinstance(value, bool) else _WORDS.get(str(value).strip().lower())
    if found is None:
        raise ValueError(f"expected true or false, got {value!r}")
    return found


_CONVERTER = cattrs.Converter(forbid_extra_keys=True, prefer_attrib_converters=True)
_CONVERTER.register_structure_hook(bool, _truth)


class HasParams(Protocol):
    """A spec of a registered stage."""

    @property
    def name(self) -> str: ...
    @property
    def params(self) -> str: ...


def make_params(stage: HasParams, values: Mapping[str, Any]) -> Any:
    """An instance of the parameter class of ``stage``; what ``values`` does not name keeps its default.

    Parameters
    ----------
    stage
        A `PreprocessorSpec`, `LabelRuleSpec` or any other spec that names its ``params``.
    values
        By name. Numbers may be text, and so may truth: true, yes, on, 1 and their opposites.

    Raises
    ------
    PluginError
        An unknown parameter, or a value that the class refuses; the message lists the parameters.
    """
    kind = resolve(stage.params)
    unknown = sorted(set(values) - {field.name for field in attrs.fields(kind)})
    if unknown:
        raise PluginError(f"{stage.name} has no parameter {', '.join(unknown)}; {_known(stage, kind)}")
    try:
        return _CONVERTER.structure(dict(values), kind)
    except (cattrs.BaseValidationError, TypeError, ValueError) as error:
        given = ", ".join(f"{name}={value}" for name, value in values.items()) or "nothing"
        raise PluginError(f"{stage.name} cannot take {given}: {_reason(error)}; {_known(stage, kind)}") from error


def parse_stage(text: str) -> StageRef:
    """Read ``NAME`` or ``NAME:PARAMETER=VALUE,...``; values stay text, which `make_params` converts.

    Raises
    ------
    PluginError
        It is not written like that, or a parameter is given twice.

    Examples
    --------
    >>> parse_stage("clahe:clip=0.01").params
    {'clip': '0.01'}
    """
    name, _, rest = (part.strip() for part in text.partition(":"))
    values: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        parameter, _, value = (word.strip() for word in part.partition("="))
        if not name or not parameter or not value:
            raise PluginError(f"a stage is NAME or NAME:PARAMETER=VALUE,..., such as clahe:clip=0.01; got {text!r}")
        if parameter in values:
            raise PluginError(f"{parameter} is given twice in {text!r}")
        values[parameter] = value
    try:
        return StageRef(name=name, params=values)
    except ValueError as error:
        raise PluginError(f"{text!r} names no stage: {error}") from None


def as_stage(stage: StageRef | str) -> StageRef:
    """``stage``, or what its text says (`parse_stage`)."""
    return parse_stage(stage) if isinstance(stage, str) else stage


def field_docs(kind: type) -> dict[str, str]:
    """The docstrings below the fields of a class and of those that it inherits from, on one line each."""
    docs: dict[str, str] = {}
    for base in reversed([base for base in kind.__mro__ if attrs.has(base)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, below in pairwise(statements):
            text = below.value if isinstance(below, ast.Expr) else None
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Constant):
                docs[ast.unparse(field.target)] = " ".join(str(text.value).split())
    return docs


def _known(stage: HasParams, kind: Any) -> str:
    fields = attrs.fields(kind)
    texts = [f.name if f.default is attrs.NOTHING else f"{f.name}={_default(f)}" for f in fields]
    return f"parameters of {stage.name}: {', '.join(texts) or 'none'}"


def _default(field: attrs.Attribute[Any]) -> str:
    return f"{field.default:.4g}" if isinstance(field.default, float) else str(field.default)


def _reason(error: BaseException) -> str:
    """The words of the first thing that went wrong, without class names around them."""
    while isinstance(error, cattrs.BaseValidationError):
        error = error.exceptions[0]
    return str(error.args[0]) if error.args else type(error).__name__
