"""Whether a plugin was written for this version of core: what its distribution states of ``asem-core``."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["other_core"]

_OF_CORE = re.compile(r"asem[-_.]core(?![-_.\w])(?P<rest>.*)", re.IGNORECASE)


def other_core(requires: Iterable[str], *, installed: str) -> str | None:
    """What a distribution needs of core where the ``installed`` version is not that; None where it is.

    Parameters
    ----------
    requires
        Its requirements, as its metadata states them.
    installed
        Version of core; one on the way to a release counts as that release.

    Examples
    --------
    >>> other_core(["numpy>=2", "asem-core<0.3,>=0.2"], installed="0.1.0")
    '<0.3,>=0.2'
    >>> other_core(["asem-core<0.2,>=0.1"], installed="0.1.0.dev7+g1cbd9a9") is None
    True
    """
    for requirement in requires:
        found = _OF_CORE.match(requirement)
        # Whatever else stands there, such as extras and markers, packaging reads; most plugins need nothing of it.
        if found and re.search(r"[<>=~!]", found["rest"]):
            from packaging.requirements import Requirement
            from packaging.version import Version

            parsed = Requirement(requirement)
            if parsed.marker is not None and not parsed.marker.evaluate({"extra": ""}):
                continue
            if not parsed.specifier.contains(Version(installed).base_version):
                return str(parsed.specifier)
    return None
