"""Builds every distribution, checks what is in it, and writes a package index that pip can install from by name.

    python tools/release.py dist            # wheels, sdists, an index (PEP 503), conda recipes
    python tools/release.py dist --try er   # and what a user does with it, in a fresh environment

`make release` does both.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from conda_recipes import write_recipes

from asem_core.zoo.files import STATE_DICT_NAME

ROOT = Path(__file__).parents[1]
LARGEST = 100 * 10**6
"""What PyPI takes as one file, in bytes."""
_TEMPLATE = ".jinja"
"""Tests of this ending are those of a plugin to be, which core renders."""
LARGE = 100_000
"""Bytes from which a file must not be in a wheel twice."""


def folders() -> list[Path]:
    """Those of all distributions of the repository, core's first."""
    return [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/**/pyproject.toml"))]


def build(dist: Path) -> None:
    """An sdist of each, and from it the wheel."""
    for folder in folders():
        began = time.perf_counter()
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, folder)
        print(f"built {folder.relative_to(ROOT)} in {time.perf_counter() - began:.0f} s")


def check(dist: Path) -> None:
    """Metadata as PyPI wants it, wheels that hold their package and no more, each distribution at one version."""
    files = sorted(path for path in dist.iterdir() if path.suffix in (".whl", ".gz"))
    run(sys.executable, "-m", "twine", "check", "--strict", *files)
    versions = {path.name.split("-")[1].removesuffix(".tar.gz") for path in files}
    many = f"{dist} holds the versions {', '.join(sorted(versions))}, expected one: change no file meanwhile"
    wrong = [many] if len(versions) != 1 else []
    expected = 2 * len(folders())
    wrong += [f"{dist} holds {len(files)} files, expected {expected}"] if len(files) != expected else []
    wrong += [f"{path.name} is larger than PyPI takes" for path in files if path.stat().st_size > LARGEST]
    wrong += [complaint for path in files if path.suffix == ".whl" for complaint in complaints(path)]
    if wrong:
        sys.exit("\n".join(wrong))
    for path in files:
        print(f"{path.stat().st_size / 1e6:8.2f} MB  {path.name}")


def complaints(wheel: Path) -> Iterator[str]:
    """What is wrong with the contents of ``wheel``."""
    package = wheel.name.partition("-")[0]
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        for name in names:
            parts = PurePosixPath(name).parts
            if parts[0] != package and not parts[0].endswith(".dist-info"):
                yield f"{wheel.name} holds {name}, which is outside of {package}"
            if {"tests", "__pycache__"} & set(parts) and not name.endswith(_TEMPLATE):
                yield f"{wheel.name} holds {name}, which belongs into no wheel"
        large = (name for name in names if archive.getinfo(name).file_size > LARGE)
        digests = Counter(hashlib.sha256(archive.read(name)).hexdigest() for name in large)
        if digests and max(digests.values()) > 1:
            yield f"{wheel.name} holds a large file twice"
        for name in (name for name in names if PurePosixPath(name).name == STATE_DICT_NAME):
            yield f"{wheel.name} holds {name}, the weights a second time: exclude it in pyproject.toml"
        for description in (name for name in names if name.endswith("/rdf.yaml")):
            there = {PurePosixPath(name).name for name in names} | {STATE_DICT_NAME}
            missing = sorted(stated(archive.read(description)) - there)
            if missing:
                yield f"{wheel.name} lacks {', '.join(missing)} of {description}: python tools/weights.py fetch"


def stated(description: bytes) -> set[str]:
    """Names of the files that an ``rdf.yaml`` says are beside it."""
    import yaml

    from asem_core.zoo.rdf import named_files

    return {file.name for file in named_files(yaml.safe_load(description))}


def write_index(dist: Path) -> Path:
    """``dist/simple``: a page for every project with its files and their digests, and one of all projects."""
    index = dist / "simple"
    projects: dict[str, list[Path]] = {}
    for path in sorted(dist.iterdir()):
        if path.suffix in (".whl", ".gz"):
            projects.setdefault(path.name.partition("-")[0].replace("_", "-").lower(), []).append(path)
    for project, files in projects.items():
        links = [f"../../{path.name}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
        _write_page(index / project / "index.html", zip(links, (path.name for path in files), strict=True))
    _write_page(index / "index.html", ((f"{project}/", project) for project in projects))
    return index


def _write_page(path: Path, links: Iterable[tuple[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(f'<a href="{html.escape(link)}">{html.escape(text)}</a>' for link, text in links)
    path.write_text(f"<!DOCTYPE html>\n<html><body>\n{body}\n</body></html>\n", encoding="utf-8")


def try_index(index: Path, organelle: str) -> None:
    """Install by name from ``index`` into a fresh environment, and segment a small simulated cell there.

    What others wrote comes from the index that pip is set to use.
    """
    with tempfile.TemporaryDirectory() as scratch:
        environment = Path(scratch) / "environment"
        timed("an environment", sys.executable, "-m", "venv", environment)
        scripts = environment / ("Scripts" if os.name == "nt" else "bin")
        names = (f"asem-organelle-{organelle}", "asem-dataset-simulated")
        install = (scripts / "python", "-m", "pip", "install", "--quiet", "--no-compile")
        timed(f"pip install {' '.join(names)}", *install, "--extra-index-url", index.resolve().as_uri(), *names)
        asem = scripts / "asem"
        cell, found = Path(scratch) / "cell.zarr", Path(scratch) / f"{organelle}.zarr"
        made = ("--preset", "cf", "--shape", "48,56,64", "--diameter", "2.5")
        timed("asem simulate", asem, "simulate", cell, *made)
        timed(f"asem segment --organelle {organelle}", asem, "segment", cell, "--organelle", organelle, "-o", found)
        run(asem, "verify", found)
        print(f"{sum(path.stat().st_size for path in environment.rglob('*') if path.is_file()) / 1e6:.0f} MB installed")


def timed(what: str, *command: object) -> None:
    """Run a command and print how long it took, waiting included, and how much of a processor."""
    began, before = time.perf_counter(), os.times()
    run(*command)
    after = os.times()
    busy = after.children_user - before.children_user + after.children_system - before.children_system
    print(f"{time.perf_counter() - began:7.1f} s, {busy:.1f} s of a processor: {what}")


def run(*command: object) -> None:
    """Run a command; end with what it said where it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dist", type=Path, help="a folder that is not there yet, or empty")
    parser.add_argument("--try", dest="organelle", help="install the plugin of this organelle and segment with it")
    arguments = parser.parse_args()
    if arguments.dist.exists() and any(arguments.dist.iterdir()):
        sys.exit(f"{arguments.dist} holds something already: remove it, or name another folder")
    build(arguments.dist)
    check(arguments.dist)
    write_recipes(arguments.dist)
    index = write_index(arguments.dist)
    print(f"pip install --extra-index-url {index.resolve().as_uri()} asem-organelle-er")
    if arguments.organelle:
        try_index(index, arguments.organelle)


if __name__ == "__main__":
    main()
