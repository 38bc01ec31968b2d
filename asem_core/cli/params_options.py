"""Options of a verb, made from the parameter class of a stage: one per field, its docstring as help."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import click

from asem_core.cli.options import PATH
from asem_core.params import field_docs

_SCALARS: dict[Any, Any] = {int: click.INT, float: click.FLOAT, str: click.STRING, Path: PATH}


def options_of(kind: type[attrs.AttrsInstance], *, beside: Sequence[click.Parameter] = ()) -> list[click.Option]:
    """One option per field of ``kind``, without value unless the user gives one: `asem_core.params.make_params` knows
    the defaults.

    Parameters
    ----------
    beside
        What else the verb takes.

    Raises
    ------
    TypeError
        ``kind`` is no attrs class, or a field is of a type that no option can hold.
    ValueError
        A field is called like something else that the verb takes.
    """
    if not attrs.has(kind):
        raise TypeError(f"expected an attrs class, got {kind!r}")
    help_of, types = field_docs(kind), get_type_hints(kind)
    options = [_option(field, types[field.name], help_of.get(field.name, "")) for field in attrs.fields(kind)]
    taken = {"help", "--help", "-h"}.union(*map(_words, beside))
    for option in options:
        clash = _words(option) & taken
        if clash:
            raise ValueError(
                f"the field {option.name} is called like {min(clash, key=len)}, which the verb has already"
            )
        taken |= _words(option)
    return options


def _words(parameter: click.Parameter) -> set[str]:
    return {str(parameter.name), *parameter.opts, *parameter.secondary_opts}


def _option(field: attrs.Attribute[Any], hint: Any, text: str) -> click.Option:
    name, default = field.name.replace("_", "-"), field.default
    if default is not attrs.NOTHING and default is not None and not isinstance(default, bool):
        text = f"{text} [default: {default:g}]" if isinstance(default, float) else f"{text} [default: {default}]"
    required = default is attrs.NOTHING
    if hint is bool:
        on = " [default: on]" if default else " [default: off]"
        return click.Option([f"--{name}/--no-{name}", field.name], default=None, help=text + on, required=required)
    return click.Option([f"--{name}", field.name], type=_type(field.name, hint), help=text.strip(), required=required)


def _type(name: str, hint: Any) -> Any:
    choices = [part for part in get_args(hint) if part is not type(None)]
    if get_origin(hint) is Literal:
        return click.Choice([str(choice) for choice in choices])
    if hint not in _SCALARS and len(choices) == 1:  # X | None
        return _type(name, choices[0])
    if hint not in _SCALARS:
        raise TypeError(f"parameter {name} is a {hint}: an option holds int, float, bool, str, Path or Literal")
    return _SCALARS[hint]
