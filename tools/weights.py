"""Weights outside of git: files of model packages, kept by their sha256 wherever files can be kept.

    python tools/weights.py fetch              # those that packages of the repository state and lack
    python tools/weights.py publish FOLDER     # a copy of all large ones, named by their sha256, to upload

A package states the sha256 of its files in ``rdf.yaml``, which is in git. They come from ``$ASEM_WEIGHTS``: a folder,
or an address below which every file is found by its sha256, such as the assets of a release.
"""

from __future__ import annotations

import os
import shutil
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


def stated(root: Path) -> Iterator[tuple[Path, str]]:
    """Every file of a package below ``root`` whose sha256 is stated, and that; but for what is made of the graph."""
    for description in sorted(root.glob("plugins/organelles/*/asem_organelle_*/models/*/rdf.yaml")):
        for file in named_files(read_description(description.parent)):
            if file.sha256 and file.name != STATE_DICT_NAME:
                yield description.parent / file.name, file.sha256


def fetch(root: Path) -> list[Path]:
    """Get the files that are missing; those that are there are not touched.

    Raises
    ------
    ModelError
        ``$ASEM_WEIGHTS`` is not set and files are missing, has not all of them, or one has another sha256.
    """
    missing = {path: sha256 for path, sha256 in stated(root) if not path.exists()}
    place = os.environ.get("ASEM_WEIGHTS", "").rstrip("/")
    if missing and not place:
        first = next(iter(missing)).relative_to(root)
        raise ModelError(
            f"{first} is missing ({len(missing)} in all): set ASEM_WEIGHTS to the folder or address that has weights"
        )
    for path, sha256 in missing.items():
        download(f"{place}/{sha256}", path, sha256=sha256)
    return list(missing)


def publish(root: Path, folder: Path) -> list[Path]:
    """Copy the large files into ``folder`` under their sha256; what is there already stays.

    Raises
    ------
    ModelError
        A file is not the one that its package states.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for path, sha256 in stated(root):
        if path.exists() and path.stat().st_size > LARGE and not (folder / sha256).exists():
            if (found := file_sha256(path)) != sha256:
                raise ModelError(f"{path} has the sha256 {found}, expected {sha256}: write the package again")
            copies.append(Path(shutil.copyfile(path, folder / sha256)))
    return copies


def main(arguments: list[str]) -> None:
    """As the module says."""
    match arguments:
        case ["fetch"]:
            files = fetch(ROOT)
        case ["publish", folder]:
            files = publish(ROOT, Path(folder))
        case _:
            sys.exit(__doc__)
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AsemError as error:
        sys.exit(str(error))
