"""What a wheel must hold: its package, entry point, models whole, and no more than a package index takes."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from asem_core.testing.check import Check, NotChecked
from asem_core.zoo.files import INT8_NAME, ONNX_NAME, RDF_NAME
from asem_core.zoo.manifest import MANIFEST

LARGEST = 30 * 10**6
"""Bytes; PyPI takes 100 MB, and every environment downloads a wheel whole."""


def wheel_checks(wheel: Path) -> Iterator[Check]:
    """The checks of a built wheel; nothing in it is run.

    Examples
    --------
    >>> [check.name for check in wheel_checks(Path("asem_organelle_lysosome-0.1.0-py3-none-any.whl"))]
    ['entry point', 'one package', 'models inside', 'size']
    """
    for name, find in {"entry point": _entry, "one package": _alone, "models inside": _models, "size": _size}.items():
        yield Check(subject=f"wheel {wheel.name}", name=name, find=partial(find, wheel))


def _entry(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as file:
        named = [name for name in file.namelist() if name.endswith(".dist-info/entry_points.txt")]
        text = file.read(named[0]).decode() if named else ""
    if "[asem]" not in text.replace('"', "").splitlines():
        yield 'it has no entry point of the group asem: add [project.entry-points.asem] NAME = "package.plugin"'


def _alone(wheel: Path) -> Iterator[str]:
    tops = {name.partition("/")[0] for name in _names(wheel)}
    packages = sorted(top for top in tops if not top.endswith((".dist-info", ".data")))
    if len(packages) != 1:
        yield f"it holds {', '.join(packages) or 'no package'}, expected one package: name it in pyproject.toml"


def _models(wheel: Path) -> Iterator[str]:
    names = set(_names(wheel))
    manifests = [name for name in sorted(names) if PurePosixPath(name).name == MANIFEST]
    if not manifests:
        raise NotChecked("it brings no model")
    with zipfile.ZipFile(wheel) as file:
        for manifest in manifests:
            folder = str(PurePosixPath(manifest).parent)
            stated: dict[str, Any] = json.loads(file.read(manifest))
            if f"{folder}/{RDF_NAME}" not in names:
                yield f"{folder}/{RDF_NAME} is missing: let the build include all files below models/"
            for name, key in ((ONNX_NAME, "sha256"), (INT8_NAME, "int8_sha256")):
                if key in stated:
                    yield from _weights(file, f"{folder}/{name}", stated[key], names)


def _weights(file: zipfile.ZipFile, name: str, sha256: str, names: set[str]) -> Iterator[str]:
    if name not in names:
        yield f"{name} is missing: let the build include all files below models/"
    elif (found := hashlib.sha256(file.read(name)).hexdigest()) != sha256:
        yield f"the sha256 of {name} is {found}, model.json states {sha256}: build it from whole packages"


def _size(wheel: Path) -> Iterator[str]:
    size = wheel.stat().st_size
    if size > LARGEST:
        yield f"it has {size:,} bytes, more than {LARGEST:,}: leave models out that are not the default one"


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as file:
        return file.namelist()
