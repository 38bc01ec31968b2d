"""What is installed that blocks depend on: driver and workers must have the same."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import lru_cache

from asem_core.plugins import make_manager


@lru_cache(maxsize=1)
def installed() -> Mapping[str, str]:
    """Versions of Python (functions that are sent belong to one), ASEM and its plugins, by name."""
    python = ".".join(platform.python_version_tuple()[:2])
    plugins = {plugin.distribution: plugin.version for plugin in make_manager().records if plugin.error is None}
    return {"Python": python, **plugins}


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str | None:
    """What ``there`` has otherwise than ``here``, in words; None: nothing.

    Examples
    --------
    >>> difference({"asem-core": "2", "asem-er": "1"}, {"asem-core": "1"})
    'it has asem-core 1, here is 2; it has no asem-er, here is 1'
    """
    parts = []
    for name in sorted({*here, *there}):
        ours, theirs = here.get(name), there.get(name)
        if ours != theirs:
            found = f"{name} {theirs}" if theirs else f"no {name}"
            parts.append(f"it has {found}, here is {ours or 'none'}")
    return "; ".join(parts) or None
