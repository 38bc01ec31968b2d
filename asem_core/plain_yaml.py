"""YAML files as plain values, also of strangers: no tags, bounded size; checked against the class they describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import attrs
import cattrs
import yaml
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override
from cattrs.v import format_exception, transform_error

from asem_core.errors import AsemError

T = TypeVar("T")

_MOST_BYTES = 4 * 2**20
MOST_NODES = 100_000
"""Of a file whose aliases are followed: a few lines of YAML can stand for billions."""
_WORDS: dict[Any, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def read_mapping(path: Path, *, error: type[AsemError]) -> dict[str, Any]:
    """The keys and values that ``path`` holds.

    Raises
    ------
    AsemError
        ``error``: it cannot be read, is no plain YAML (no tags), absurdly large, or holds something else than keys.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise error(f"{path} takes {path.stat().st_size / 1e6:.0f} MB, expected some KB of YAML")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.constructor.ConstructorError as why:
        raise error(f"{path}: {why.problem}: it must be plain YAML without tags") from None
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as why:
        raise error(f"{path} is not YAML ({' '.join(str(why).split())[:200]})") from None
    except OSError as why:
        raise error(f"{path}: cannot be read: {why.strerror or why}") from None
    if not isinstance(values, dict):
        raise error(f"{path} must hold keys and values, got {type(values).__name__}")
    if sum(1 for _ in nodes(values, most=MOST_NODES)) >= MOST_NODES:
        raise error(f"{path} stands for more than {MOST_NODES} values: get it from a source that you trust")
    return values


def nodes(value: Any, *, most: int) -> Iterator[tuple[str, Any]]:
    """At most ``most`` of the values in ``value``, aliases followed, with their places, such as ``a.b.0``."""
    waiting: list[tuple[str, Any]] = [("", value)]
    for _ in range(most):
        if not waiting:
            return
        place, node = waiting.pop()
        yield place, node
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        waiting.extend(reversed([(f"{place}.{key}".lstrip("."), item) for key, item in items]))


def read_as(path: Path, kind: type[T], *, error: type[AsemError], without: tuple[str, ...] = ()) -> T:
    """What ``path`` says, as a ``kind``, an attrs class; nothing is converted from one type into another.

    Parameters
    ----------
    without
        Fields that a file cannot give.

    Raises
    ------
    AsemError
        ``error``: as `read_mapping`, or a key or value does not belong; the message names the file and each of them.
    """
    values = read_mapping(path, error=error)
    try:
        return _converter(kind, without).structure(values, kind)
    except ClassValidationError as why:
        reasons = transform_error(why, path=kind.__name__.removesuffix("Spec").lower(), format_exception=_reason)
        raise error(f"{path}: " + "; ".join(reasons)) from None


def _converter(outer: type[Any], without: tuple[str, ...]) -> cattrs.Converter:
    converter = cattrs.Converter()

    def of_class(kind: type[Any]) -> Any:
        left_out: Any = {name: override(omit=True) for name in without if kind is outer}
        structure = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **left_out)
        keys = ", ".join(field.name for field in attrs.fields(kind) if field.name not in left_out)

        def check(values: Any, _: type[Any]) -> Any:
            if not isinstance(values, dict):
                raise ValueError(f"expected {keys}, got {values!r}")
            try:
                return structure(values, kind)
            except ClassValidationError as why:
                for each in why.exceptions:
                    if isinstance(each, ForbiddenExtraKeysError):
                        each.args = (f"unknown key {', '.join(sorted(map(repr, each.extra_fields)))}; keys: {keys}",)
                raise

        return check

    def of_tuple(values: Any, kind: Any) -> Any:
        if not isinstance(values, list):
            raise ValueError(f"expected a list, got {values!r}")
        of: Any = list[get_args(kind)[0]]  # type: ignore[misc]
        return tuple(converter.structure(values, of))

    def of_mapping(values: Any, kind: Any) -> Any:
        if not isinstance(values, dict):
            raise ValueError(f"expected keys and values, got {values!r}")
        of: Any = dict[get_args(kind)]  # type: ignore[misc]
        return converter.structure(values, of)

    converter.register_structure_hook_factory(attrs.has, of_class)
    converter.register_structure_hook_func(partial(_is, tuple), of_tuple)
    converter.register_structure_hook_func(partial(_is, Mapping), of_mapping)
    for plain in _WORDS:
        converter.register_structure_hook(plain, _as_written)
    return converter


def _is(origin: Any, kind: Any) -> bool:
    return get_origin(kind) is origin


def _as_written(value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool) is not (kind is bool):
        raise ValueError(f"expected {_WORDS[kind]}, got {value!r}")
    return value


def _reason(error: BaseException, kind: type[Any] | None) -> str:
    # cattrs says "invalid value" for what our own checks explain.
    if isinstance(error, ValueError | TypeError | ForbiddenExtraKeysError) and error.args:
        return " ".join(str(error.args[0]).split())
    return format_exception(error, kind)
