"""A stage as it is written on the command line: ``clahe`` or ``clahe:clip=0.01,kernel=64``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from asem_core.errors import PluginError

if TYPE_CHECKING:
    from asem_core.registry import Names

S = TypeVar("S")


def parse_stage(text: str, stages: Names[S]) -> tuple[S, Any]:
    """The spec that ``text`` names and its parameters.

    Parameters
    ----------
    text
        ``NAME`` or ``NAME:PARAMETER=VALUE,...``; what is not named keeps its default.
    stages
        The registry's stages of that kind, such as ``registry.preprocessors``.

    Returns
    -------
    tuple
        The spec, and an instance of its parameter class.

    Raises
    ------
    PluginError
        An unknown stage or parameter, listing what there is; a value that does not fit.
    """
    from asem_core.params import make_params

    name, _, rest = text.partition(":")
    values: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        parameter, equals, value = part.partition("=")
        if not equals or not parameter.strip() or not value.strip():
            raise PluginError(f"a stage is NAME or NAME:PARAMETER=VALUE,..., such as {name}:a=1,b=2; got {text!r}")
        if parameter.strip() in values:
            raise PluginError(f"{parameter.strip()} is given twice in {text!r}")
        values[parameter.strip()] = value.strip()
    spec: Any = stages[name.strip()]
    return spec, make_params(spec, values)
