"""Packages that import a public name when it is first used (PEP 562): listing a plugin imports its package."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from asem_core.errors import AsemError

__all__ = ["lazy_names"]


def lazy_names(package: str, *, extra: str | None = None) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose public names are imported on first use.

    The names are those that the package's ``__init__.py`` imports below ``if TYPE_CHECKING:``, so that a type checker
    and an editor see them as well.

    Parameters
    ----------
    package
        ``__name__`` of the package.
    extra
        The extra of asem-core that its modules need, such as ``"train"``.

    Raises
    ------
    AsemError
        By the first use of a name: a library of ``extra`` is not installed.
    """

    @cache
    def modules() -> dict[str, str]:
        spec = find_spec(package)
        source = spec.loader.get_source(package) if spec and spec.loader else None  # type: ignore[attr-defined]
        below = [
            statement
            for node in ast.parse(source or "").body
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for statement in node.body
        ]
        return {
            alias.name: str(node.module) for node in below if isinstance(node, ast.ImportFrom) for alias in node.names
        }

    def get(name: str) -> Any:
        if name.startswith("__") or name not in modules():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            value = getattr(import_module(modules()[name]), name)
        except ModuleNotFoundError as error:
            if extra is None or (error.name or "").partition(".")[0] == "asem_core":
                raise
            raise AsemError(f"{package} needs {error.name}: pip install 'asem-core[{extra}]'") from None
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted(modules())

    return get, names
