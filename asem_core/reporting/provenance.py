"""What a report says of where its numbers come from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from asem_core.analysis.run import SUMMARY

Rows = list[tuple[str, str]]


def provenance_rows(about: Mapping[str, Any], folder: Path) -> Rows:
    """Inputs with digests, the model that made them where that is known, versions, and the day, as label and text.

    Parameters
    ----------
    about
        ``analysis.json``.
    folder
        Where it lies.
    """
    analysis, plugin = about["analysis"], about.get("plugin", {})
    rows = [("analysis", f"{analysis['name']}, version {analysis['version']}")]
    for name, source in {"objects": about.get("source", {}), **about.get("inputs", {})}.items():
        rows += _input(name.replace("_", " "), source, about.get("made_from", {}).get(name, {}))
    rows += [
        ("voxel size", f"{_zyx(about.get('voxel_size_nm', []), '.4g')} nm (z, y, x)"),
        ("lower edge", f"{_zyx(about.get('lower_edge_nm', []), '.6g')} nm in the frame of the acquisition (z, y, x)"),
        ("objects are", _kind(about)),
        ("software", f"asem-core {about.get('asem_core')}; {plugin.get('distribution')} {plugin.get('version')}"),
    ]
    rows += [("note", str(note)) for note in about.get("notes", [])]
    day = datetime.fromtimestamp((folder / SUMMARY).stat().st_mtime).astimezone()
    return [*rows, ("measured", day.strftime("%Y-%m-%d %H:%M %Z")), ("folder", str(folder.resolve()))]


def _input(name: str, source: Mapping[str, Any], made_by: Mapping[str, Any]) -> Rows:
    shape = " x ".join(f"{n:,}" for n in source.get("shape", []))
    rows = [(name, f"{source.get('uri')} ({source.get('format')}, {source.get('dtype')}, {shape} voxels)")]
    if source.get("digest"):
        rows.append((f"{name}, fingerprint", str(source["digest"])))
    if made_by:
        rows.append((f"{name}, made by", _maker(made_by)))
    return rows


def _maker(made_by: Mapping[str, Any]) -> str:
    model = made_by.get("model", {})
    how = f" with the model {model['id']} {model['version']}, sha256 {model['sha256']}" if model else ""
    return f"{made_by['made_by']} (asem-core {made_by['asem_core']}){how}"


def _kind(about: Mapping[str, Any]) -> str:
    if about.get("threshold") is None:
        return str(about.get("kind"))
    return f"{about.get('kind')}, at least {about['threshold']:g}"


def _zyx(values: list[float], form: str) -> str:
    return " x ".join(format(value, form) for value in values)
