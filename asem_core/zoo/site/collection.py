"""What a zoo offers: ``collection.json``, one entry for every version of every model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import attrs

from asem_core.errors import ModelError
from asem_core.volume.address import Location, read_json
from asem_core.zoo.guard.names import is_inside

COLLECTION = "collection.json"
MODELS = "models"
"""Folder of a zoo, in which packages and their zips lie."""


@attrs.frozen(kw_only=True)
class Offered:
    """A version of a model, in a zoo."""

    id: str
    version: str
    zip: str
    """The package, from the root of the zoo."""
    sha256: str
    """Of the zip."""


def collection_text(entries: Sequence[Mapping[str, Any]]) -> str:
    """``entries`` as the file."""
    return json.dumps({"type": "collection", "name": "ASEM models", "collection": entries}, indent=2) + "\n"


def read_entries(zoo: Location) -> list[Mapping[str, Any]] | None:
    """The entries of the collection of ``zoo``, unchecked; None where it has no collection.

    Raises
    ------
    VolumeError
        It cannot be read.
    """
    collection = read_json(zoo / COLLECTION)
    if collection is None:
        return None
    listed = collection.get("collection")
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def find_offered(name: str, zoo: Location) -> Offered:
    """The model that ``zoo`` offers as ``name``: ``ID@VERSION``, or of an id the highest version.

    Raises
    ------
    ModelError
        There is none (the message lists what there is), no zoo, or the entry names no zip of the zoo.
    """
    entries = read_entries(zoo)
    if entries is None:
        raise ModelError(
            f"{zoo}: there is no {COLLECTION}: give the address of a zoo that `asem zoo build` or `push` made"
        )
    model_id, _, version = name.partition("@")
    same = [entry for entry in entries if entry.get("id") == model_id]
    found = [entry for entry in same if version in ("", entry.get("version"))]
    if not found:
        raise ModelError(f"{zoo} has no model {name!r}; {_there(name, same or entries)}")
    entry = max(found, key=lambda each: order_of(str(each.get("version"))))
    source, sha256 = entry.get("zip_source"), entry.get("zip_sha256")
    if not isinstance(source, str) or not is_inside(source) or not re.fullmatch(r"[0-9a-f]{64}", str(sha256)):
        raise ModelError(
            f"{zoo / COLLECTION}: the entry of {model_id!r} names no zip of the zoo with its sha256 "
            "(zip_source, zip_sha256): it was not made by `asem zoo build` or `push`"
        )
    return Offered(id=model_id, version=str(entry.get("version")), zip=source, sha256=str(sha256))


def order_of(version: str) -> Any:
    """By which versions are sorted; what is none comes first.

    >>> sorted(["1.10.0", "1.9.1", "draft"], key=order_of)
    ['draft', '1.9.1', '1.10.0']
    """
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version)
    except InvalidVersion:
        return Version("0.dev0")


def _there(name: str, entries: Sequence[Mapping[str, Any]]) -> str:
    names = sorted({f"{e.get('id')}@{e.get('version')}" if "@" in name else str(e.get("id")) for e in entries})
    close = get_close_matches(name, names, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return f"there are: {', '.join(names) or 'none'}{guess}"
