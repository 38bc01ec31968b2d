"""The parameters of an analysis, as they were and what they mean; and in sentences, for a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from asem_core.params import field_docs
from asem_core.registry import resolve
from asem_core.specs import AnalysisSpec

METHOD = "Gallusser et al. 2022, https://doi.org/10.1101/2022.08.02.502534"


@attrs.frozen(kw_only=True)
class Parameter:
    """One row of the table of parameters."""

    name: str
    value: str
    default: str
    """What it is where nothing is said; ``""`` where that is what was taken."""
    text: str


def parameters(spec: AnalysisSpec, about: Mapping[str, Any]) -> list[Parameter]:
    """Every parameter of a run in ``about`` (``analysis.json``), with its help text.

    What this version of the analysis no longer knows is listed too, without a text.
    """
    kind = resolve(spec.params)
    texts, defaults = field_docs(kind), {field.name: field.default for field in attrs.fields(kind)}
    rows = []
    if about.get("threshold") is not None:
        text = "A voxel belongs to an object where its probability is at least this."
        rows.append(_row("threshold", about["threshold"], 0.5, text))
    for name, value in about.get("params", {}).items():
        rows.append(_row(name, value, defaults.get(name, value), texts.get(name, "")))
    return rows


def paragraph(about: Mapping[str, Any], rows: Sequence[Parameter]) -> str:
    """What a paper says of a run in ``about`` (``analysis.json``): model, software, the parameters ``rows``."""
    analysis, plugin = about["analysis"], about.get("plugin", {})
    software = f"asem-core {about.get('asem_core')}"
    if plugin.get("distribution") not in (None, "asem-core"):
        software += f", {plugin['distribution']} {plugin.get('version')}"
    voxel = " x ".join(f"{nm:.4g}" for nm in about.get("voxel_size_nm", []))
    sentences = [
        f"Objects were measured by the analysis {analysis['name']} (version {analysis['version']}) of ASEM "
        f"({software}; {METHOD}) on voxels of {voxel} nm (z, y, x)."
    ]
    if model := about.get("made_from", {}).get("objects", {}).get("model"):
        sentences.insert(0, f"Voxels were classified by the model {model['id']} {model['version']} of ASEM "
                            f"(sha256 {model['sha256']}).")  # fmt: skip
    if rows:
        sentences.append(f"Parameters: {', '.join(f'{row.name} {row.value}' for row in rows)}.")
    return " ".join(sentences)


def _row(name: str, value: object, default: object, text: str) -> Parameter:
    differs = default is not attrs.NOTHING and value != default
    return Parameter(name=name, value=_word(value), default=_word(default) if differs else "", text=text)


def _word(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
