"""What the fields of a spec may hold: types that are checked, validators. Imports attrs and the standard library."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import PurePosixPath
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import validators

FloatTriple = tuple[float, float, float]
Triple = tuple[int, int, int]


def typed(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """The fields of a spec, each with a check of its type before its own validator."""
    return [
        field.evolve(validator=_of_type if field.validator is None else validators.and_(_of_type, field.validator))
        for field in fields
    ]


def _of_type(spec: Any, attribute: attrs.Attribute[Any], value: object) -> None:
    kind: Any = type(spec)
    hint = _types(kind)[attribute.name]
    if not _fits(value, hint):
        wanted = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")
        name = getattr(spec, "name", None)
        of = f" ({kind.__name__} {name!r})" if isinstance(name, str) and attribute.name != "name" else ""
        raise TypeError(f"{kind.__name__}.{attribute.name} must be {wanted}, got {value!r}{of}")


@cache
def _types(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: object, hint: Any) -> bool:
    """Whether ``value`` is a ``hint``. How long a tuple of fixed length is, its field's own validator says."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(key, parts[0]) and _fits(item, parts[1]) for key, item in value.items()
        )
    if hint in (int, float):
        return isinstance(value, int if hint is int else (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint)


def word(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if not re.fullmatch(r"[^\s/\\:.][^\s/\\:]*", value) or not value.isprintable():
        raise ValueError(
            f"{attribute.name} must be a word without spaces, slashes or colons that begins with no dot, got {value!r}"
        )


def import_path(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", value):
        raise ValueError(f'{attribute.name} must be "package.module:function", got {value!r}')


def file_of_package(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    package, _, path = value.partition(":")
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", package) or not path or ".." in PurePosixPath(path).parts:
        raise ValueError(f'{attribute.name} must be "import_package:path of a file in it", got {value!r}')


def requirements(_: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for text in value:
        if not re.fullmatch(r"[\w.]+(: ?\S+)?", text):
            raise ValueError(f'{attribute.name} must be "import_package: what brings it", got {text!r}')


def positive_triple(_: object, attribute: attrs.Attribute[Any], value: FloatTriple) -> None:
    if len(value) != 3 or not all(v > 0 for v in value):
        raise ValueError(f"{attribute.name} must be three positive numbers (z, y, x), got {value}")


def three(values: Iterable[float]) -> FloatTriple:
    low, middle, high = (float(v) for v in values)
    return low, middle, high


def fraction(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{attribute.name} must lie between 0 and 1, got {value}")


def whole_triple(least: int) -> Callable[[Any, attrs.Attribute[Any], Triple], None]:
    def check(_: object, attribute: attrs.Attribute[Any], value: Triple) -> None:
        if len(value) != 3 or not all(isinstance(v, int) and v >= least for v in value):
            raise ValueError(f"{attribute.name} must be three whole numbers >= {least} (z, y, x), got {value}")

    return check


def label_places(_: object, attribute: attrs.Attribute[Any], value: Mapping[str, Mapping[str, Any]]) -> None:
    for organelle, place in value.items():
        unknown = set(place) - {"path", "dilate_voxels"}
        if unknown or not isinstance(place.get("path"), str):
            raise ValueError(f"{attribute.name}[{organelle!r}] needs path, may have dilate_voxels, got {dict(place)}")
        width = place.get("dilate_voxels", 0)
        if not isinstance(width, int) or width < 0:
            raise ValueError(f"dilate_voxels of {organelle!r} must be a whole number >= 0, got {width!r}")


def nm_range(_: object, attribute: attrs.Attribute[Any], value: tuple[float, float]) -> None:
    if len(value) != 2 or not 0 < value[0] <= value[1]:
        raise ValueError(f"{attribute.name} must be the smallest and the largest, above 0, got {value}")


def distinct_names(_: object, attribute: attrs.Attribute[Any], value: tuple[Any, ...]) -> None:
    names = [item.name for item in value]
    if len(set(names)) < len(names):
        raise ValueError(f"{attribute.name} must have distinct names, got {names}")
