"""Weights outside of git's history: files of model packages, kept by their sha256 wherever files can be kept.

    python tools/weights.py fetch      # those that packages of the repository state and lack
    python tools/weights.py publish    # all large ones that are not in git, so that others can fetch them

A package states the sha256 of its files in ``rdf.yaml``, which is in git. They lie at ``$ASEM_WEIGHTS``:

git+REMOTE    a repository, by its address or as ``git remote`` names it: below refs/weights, which no clone gets
              unasked; without the variable git+origin
FOLDER        a file for each, named by its sha256
ADDRESS       the same on a server; only to fetch from
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from asem_core.errors import AsemError, ModelError
from asem_core.zoo.download import download
from asem_core.zoo.files import STATE_DICT_NAME, file_sha256
from asem_core.zoo.rdf import named_files, read_description

ROOT = Path(__file__).parents[1]
LARGE = 500_000
"""Bytes; what is smaller stays in git."""
_GIT = "git+"


def stated(root: Path) -> Iterator[tuple[Path, str]]:
    """Every file of a package below ``root`` whose sha256 is stated, and that; but for what is made of the graph."""
    for description in sorted(root.glob("plugins/organelles/*/asem_organelle_*/models/*/rdf.yaml")):
        for file in named_files(read_description(description.parent)):
            if file.sha256 and file.name != STATE_DICT_NAME:
                yield description.parent / file.name, file.sha256


def fetch(root: Path, place: str) -> list[Path]:
    """Get the files that are missing from ``place``; those that are there are not touched.

    Raises
    ------
    ModelError
        The place cannot be reached, has not all of them, or one has another sha256.
    """
    missing = {path: sha256 for path, sha256 in stated(root) if not path.exists()}
    for path, sha256 in missing.items():
        if place.startswith(_GIT):
            _fetch_ref(root, place.removeprefix(_GIT), path, sha256)
        else:
            download(f"{place.rstrip('/')}/{sha256}", path, sha256=sha256)
    return list(missing)


def publish(root: Path, place: str) -> list[Path]:
    """Bring the large files that git does not track to ``place``; what is there already stays.

    Raises
    ------
    ModelError
        A file is not the one that its package states, or the place cannot be written.
    """
    tracked = set(_git(root, "ls-files", "-z").decode().split("\0"))
    large = {
        sha256: path for path, sha256 in stated(root)
        if path.exists() and path.stat().st_size > LARGE and path.relative_to(root).as_posix() not in tracked
    }  # fmt: skip
    remote = place.removeprefix(_GIT) if place.startswith(_GIT) else None
    there = _refs(root, remote) if remote else {path.name for path in Path(place).glob("*")}
    new = {sha256: path for sha256, path in large.items() if sha256 not in there}
    for sha256, path in new.items():
        if (found := file_sha256(path)) != sha256:
            raise ModelError(f"{path} has the sha256 {found}, expected {sha256}: write the package again")
    for sha256, path in new.items():
        if remote:
            blob = _git(root, "hash-object", "-w", "--no-filters", str(path)).decode().strip()
            _git(root, "push", "--quiet", remote, f"{blob}:{_ref(sha256)}")
        else:
            Path(place).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, Path(place) / sha256)
    return list(new.values())


def _fetch_ref(root: Path, remote: str, path: Path, sha256: str) -> None:
    try:
        _git(root, "fetch", "--quiet", "--no-tags", remote, _ref(sha256))
    except ModelError as error:
        raise ModelError(
            f"{path.relative_to(root)} is missing, and git remote {remote} did not give it ({error}): set ASEM_WEIGHTS "
            "to the folder, address or git+REMOTE that has it"
        ) from None
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(_git(root, "cat-file", "blob", "FETCH_HEAD"))
    if (found := file_sha256(partial)) != sha256:
        partial.unlink()
        raise ModelError(f"{remote} {_ref(sha256)} has the sha256 {found}: the maker is to publish it again")
    partial.replace(path)


def _refs(root: Path, remote: str) -> set[str]:
    lines = _git(root, "ls-remote", remote, _ref("*")).decode().splitlines()
    return {line.rpartition("/")[2] for line in lines}


def _ref(sha256: str) -> str:
    return f"refs/weights/{sha256}"


def _git(root: Path, *words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True)
    if done.returncode:
        raise ModelError(" ".join(done.stderr.decode(errors="replace").split()) or f"git {words[0]} failed")
    return done.stdout


def main(arguments: list[str]) -> None:
    """As the module says."""
    place = os.environ.get("ASEM_WEIGHTS") or "git+origin"
    match arguments:
        case ["fetch"]:
            files = fetch(ROOT, place)
        case ["publish"]:
            files = publish(ROOT, place)
        case _:
            sys.exit(__doc__)
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AsemError as error:
        sys.exit(str(error))
