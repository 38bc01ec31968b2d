"""A stage as it is written on the command line: ``clahe`` or ``clahe:clip=0.01,kernel=64``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asem_core.errors import PluginError

if TYPE_CHECKING:
    from asem_core.specs import StageRef


def parse_stage(text: str) -> StageRef:
    """Read ``NAME`` or ``NAME:PARAMETER=VALUE,...``; values stay text, which `asem_core.params.make_params` converts.

    Raises
    ------
    PluginError
        It is not written like that, or a parameter is given twice.

    Examples
    --------
    >>> parse_stage("clahe:clip=0.01").params
    {'clip': '0.01'}
    """
    from asem_core.specs import StageRef

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
