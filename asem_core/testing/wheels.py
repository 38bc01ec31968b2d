"""What a wheel must hold: its package, entry point, recipes, models whole, and no more than a package index takes."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from functools import partial
from pathlib import Path

from asem_core.plugins import ENTRY_POINT_GROUP
from asem_core.registry import Registry
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.testing.check import Check, NotChecked
from asem_core.zoo.files import INT8_NAME, ONNX_NAME, RDF_NAME, STATE_DICT_NAME
from asem_core.zoo.guard.names import is_remote
from asem_core.zoo.manifest import MANIFEST
from asem_core.zoo.rdf import named_files, read_description

LARGEST = 30 * 10**6
"""Bytes; PyPI takes 100 MB, and every environment downloads a wheel whole."""


def wheel_checks(wheel: Path, *, plugin: str, registry: Registry) -> Iterator[Check]:
    """The checks of a built wheel, against what its plugin registers where it is installed; nothing in it is run.

    Parameters
    ----------
    plugin
        Name of its entry point.
    registry
        In which the plugin is.

    Examples
    --------
    >>> from asem_core.registry import make_registry
    >>> wheel = Path("asem_organelle_lysosome-0.1.0-py3-none-any.whl")
    >>> [check.name for check in wheel_checks(wheel, plugin="lysosome", registry=make_registry())]
    ['entry point', 'one package', 'recipes inside', 'models inside', 'size']
    """
    organelles = tuple(registry.of_plugin(plugin).get("organelle", {}).values())
    checks: dict[str, Callable[[Path], Iterator[str]]] = {
        "entry point": partial(_entry, plugin=plugin),
        "one package": _alone,
        "recipes inside": partial(_recipes, organelles=organelles),
        "models inside": partial(_models, models=[model for each in organelles for model in each.models]),
        "size": _size,
    }
    for name, find in checks.items():
        yield Check(subject=f"wheel {wheel.name}", name=name, find=partial(find, wheel))


def _entry(wheel: Path, *, plugin: str) -> Iterator[str]:
    names = _names(wheel)
    stated = next((name for name in names if name.endswith(".dist-info/entry_points.txt")), None)
    points = ConfigParser(delimiters=("=",), interpolation=None)
    points.optionxform = str  # type: ignore[assignment, method-assign]  # names keep their capitals
    if stated is not None:
        with zipfile.ZipFile(wheel) as file:
            points.read_string(file.read(stated).decode())
    there = dict(points[ENTRY_POINT_GROUP]) if points.has_section(ENTRY_POINT_GROUP) else {}
    if plugin not in there:
        found = f"it has {', '.join(there)}" if there else f"it has no entry point of the group {ENTRY_POINT_GROUP}"
        yield f'{found}, expected {plugin}: add {plugin} = "package.plugin" to [project.entry-points.asem]'
        return
    module = there[plugin].partition(":")[0].strip().replace(".", "/")
    if not {f"{module}.py", f"{module}/__init__.py"} & set(names):
        yield f"{module}.py, its entry point {plugin}, is missing: let the build include the whole package"


def _alone(wheel: Path) -> Iterator[str]:
    tops = {name.partition("/")[0] for name in _names(wheel)}
    packages = sorted(top for top in tops if not top.endswith((".dist-info", ".data")))
    if len(packages) != 1:
        yield f"it holds {', '.join(packages) or 'no package'}, expected one package: name it in pyproject.toml"


def _recipes(wheel: Path, *, organelles: tuple[OrganelleSpec, ...]) -> Iterator[str]:
    recipes = [organelle.recipe for organelle in organelles if organelle.recipe is not None]
    if not recipes:
        raise NotChecked("its plugin has no recipe")
    names = _names(wheel)
    yield from (_missing(path) for path in map(_in_wheel, recipes) if path not in names)


def _models(wheel: Path, *, models: list[ModelSpec]) -> Iterator[str]:
    if not models:
        raise NotChecked("its plugin brings no model")
    with zipfile.ZipFile(wheel) as file, tempfile.TemporaryDirectory() as scratch:
        for model in models:
            yield from _model(file, model, Path(scratch))


def _model(file: zipfile.ZipFile, model: ModelSpec, scratch: Path) -> Iterator[str]:
    """What is missing or another one of the files that the plugin and the description of ``model`` state."""
    folder, names = _in_wheel(model.package), set(file.namelist())
    wanted: dict[str, str | None] = {MANIFEST: None, ONNX_NAME: model.sha256}
    if model.int8_sha256 is not None:
        wanted[INT8_NAME] = model.int8_sha256
    if f"{folder}/{RDF_NAME}" not in names:
        yield _missing(f"{folder}/{RDF_NAME}")
    else:
        described = read_description(Path(file.extract(f"{folder}/{RDF_NAME}", scratch)).parent)
        stated = {named.name: named.sha256 for named in named_files(described) if not is_remote(named.name)}
        wanted = stated | wanted | {MANIFEST: stated.get(MANIFEST)}
    for name, sha256 in wanted.items():
        path = f"{folder}/{name}"
        if path not in names:
            if name != STATE_DICT_NAME:
                yield _missing(path)
        elif sha256 is not None and (found := hashlib.sha256(file.read(path)).hexdigest()) != sha256:
            yield f"the sha256 of {path} is {found}, stated is {sha256}: build it from whole packages"


def _in_wheel(place: str) -> str:
    """Where in a wheel ``"import_package:path"`` lies."""
    package, _, path = place.partition(":")
    return f"{package.replace('.', '/')}/{path}"


def _missing(path: str) -> str:
    return f"{path} is missing: let the build include it, and .gitignore leave it in"


def _size(wheel: Path) -> Iterator[str]:
    size = wheel.stat().st_size
    if size > LARGEST:
        yield f"it has {size:,} bytes, more than {LARGEST:,}: leave models out that are not the default one"


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as file:
        return file.namelist()
