"""Whether cells were measured in one way: what differs between them may be taken for an effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Facts = Mapping[str, str]
"""How a cell was measured, by what is said."""


def facts_of(about: Mapping[str, Any]) -> Facts:
    """What ``about`` (``analysis.json``) says of how a cell was segmented and measured."""
    model = about.get("made_from", {}).get("objects", {}).get("model", {})
    facts = {
        "version of the analysis": about["analysis"].get("version"),
        "voxel size in nm": " x ".join(f"{nm:.4g}" for nm in about.get("voxel_size_nm", [])),
        "objects": about.get("kind"),
        "threshold": about.get("threshold"),
        "model": f"{model['id']} {model['version']}, sha256 {model['sha256'][:12]}" if model else None,
        **{name.replace("_", " "): value for name, value in about.get("params", {}).items()},
    }
    return {name: "not stated" if value is None else str(value) for name, value in facts.items()}


def differences(cells: Mapping[str, Facts]) -> Iterator[str]:
    """A sentence for everything in which ``cells``, by name, were not measured alike.

    >>> list(differences({"a": {"threshold": "0.5"}, "b": {"threshold": "0.5"}, "c": {"threshold": "0.6"}}))
    ['threshold: 0.5 in a, b; 0.6 in c']
    """
    for name in dict.fromkeys(name for facts in cells.values() for name in facts):
        found: dict[str, list[str]] = {}
        for cell, facts in cells.items():
            found.setdefault(facts.get(name, "not stated"), []).append(cell)
        if len(found) > 1:
            yield f"{name}: " + "; ".join(f"{value} in {', '.join(named)}" for value, named in found.items())
