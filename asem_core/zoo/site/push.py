"""A model into a zoo that grows, in a folder or a bucket: every version of every model, none of which changes unasked.

::

    ZOO/
      collection.json             an entry per version, written when all else is there
      index.html                  the gallery, drawn of the collection
      model-<id>@<version>.html   its card, and how to use it
      models/<id>@<version>/      the unpacked package
      models/<id>@<version>.zip   the same as one file
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from asem_core.errors import ModelError, OutputError
from asem_core.progress import Progress, silent
from asem_core.specs import ModelSpec
from asem_core.volume import places
from asem_core.volume.address import Location, destination_of
from asem_core.volume.contents import RECORD
from asem_core.volume.output import explain_os, held
from asem_core.zoo.files import file_sha256
from asem_core.zoo.find import Listed
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.manifest import check_files
from asem_core.zoo.rdf import organelle_of
from asem_core.zoo.site.collection import COLLECTION, MODELS, collection_text, read_entries
from asem_core.zoo.site.gallery import INDEX, newest, write_gallery
from asem_core.zoo.site.offer import offer
from asem_core.zoo.store import check_version

STAGE = "push"


@attrs.frozen(kw_only=True)
class Pushed:
    """What a zoo has after `push`."""

    spec: ModelSpec
    zoo: str
    sha256: str
    """Of the zip."""
    new: bool
    """Whether it was not there before."""


def push(package: Path, zoo: str | Location, *, overwrite: bool = False, progress: Progress = silent) -> Pushed:
    """Add the model in the folder ``package`` to ``zoo``, beside its other versions.

    Parameters
    ----------
    package
        Unpacked, as `asem zoo package` writes it.
    zoo
        Folder, or URL of a place in a bucket: one that `push` made, or one that is empty or not there.
    overwrite
        Replace the same version of the model where it is another package.

    Raises
    ------
    ModelError
        The package is damaged or its version is none by PEP 440, or the zoo has another package of this id and version.
    OutputError
        ``zoo`` holds something else, another process writes it, or it cannot be written.

    Notes
    -----
    Every file is read back and compared by its sha256; then the collection is written, so that nobody is offered what
    is not whole, and last the gallery, of the collection.

    Examples
    --------
    >>> push(Path("runs/lysosome/model"), "s3://lab/zoo")  # doctest: +SKIP
    """
    place = destination_of(zoo)
    check_description(package)
    spec, organelle = check_files(package), organelle_of(package)
    name = f"{spec.id}@{check_version(spec.version)}"
    with tempfile.TemporaryDirectory() as scratch:
        _, entry = offer(Path(scratch), Listed(organelle=organelle, spec=spec, distribution=None), name=name)
        done = Pushed(spec=spec, zoo=str(place), sha256=entry["zip_sha256"], new=True)
        try:
            with held(place / COLLECTION):
                entries = _entries(place)
                there = [each for each in entries if _is_same(each, spec)]
                others = [each for each in entries if each not in there]
                if [each.get("zip_sha256") for each in there] == [done.sha256]:
                    return attrs.evolve(done, new=False)
                if there and not overwrite:
                    raise ModelError(
                        f"{place} has another package of {spec.id} {spec.version}: give this one a version of its own "
                        "(asem zoo package --model-version), or use --overwrite to replace that one"
                    )
                if there:
                    _write(place / COLLECTION, collection_text(others).encode())
                    places.remove(place / MODELS / name)
                _bring(Path(scratch), place, progress)
                _write(place / COLLECTION, collection_text([*others, entry]).encode())
                _draw(place, [*others, entry])
        except OSError as error:
            raise explain_os(error, place) from error
    return done


def _entries(zoo: Location) -> list[Mapping[str, Any]]:
    """What ``zoo`` offers, which nothing but `push` wrote."""
    entries = read_entries(zoo)
    names = places.names(zoo)
    there = [name for name in names if not name.startswith(".")]
    named = {f"{MODELS}/{entry.get('id')}@{entry.get('version')}.zip" for entry in entries or []}
    pushed = named == {entry.get("zip_source") for entry in entries or []} and RECORD not in names
    if (entries is None and there) or not pushed:
        raise OutputError(
            f"{zoo} is no zoo that `asem zoo push` made (it holds {', '.join(sorted(there)[:3])}): give a new or "
            "an empty folder; a site of `asem zoo build` is built again"
        )
    return entries or []


def _is_same(entry: Mapping[str, Any], spec: ModelSpec) -> bool:
    return (entry.get("id"), entry.get("version")) == (spec.id, spec.version)


def _bring(made: Path, zoo: Location, progress: Progress) -> None:
    """Copy the files in ``made``, and read them back."""
    files = sorted(path for path in made.rglob("*") if path.is_file())
    for done, file in enumerate(files):
        progress(STAGE, done, len(files))
        place = zoo.joinpath(*file.relative_to(made).parts)
        if isinstance(place, Path):
            place.parent.mkdir(parents=True, exist_ok=True)
        places.bring(file, place)
        found = hashlib.sha256(places.read(place) or b"").hexdigest()
        if found != file_sha256(file):
            raise OutputError(f"{place}: what was written is not what is read back (sha256 {found}); push it again")
    progress(STAGE, len(files), len(files))


def _draw(zoo: Location, entries: Sequence[Mapping[str, Any]]) -> None:
    """The gallery of ``entries``."""
    with tempfile.TemporaryDirectory() as scratch:
        write_gallery(Path(scratch), newest(entries))
        places.bring(Path(scratch) / INDEX, zoo / INDEX)


def _write(place: Location, content: bytes) -> None:
    if isinstance(place, Path):
        place.parent.mkdir(parents=True, exist_ok=True)
    places.write(place, content)
