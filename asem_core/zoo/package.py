"""A model package on disk: a bioimage.io folder with an ONNX file, opened and checked."""

from __future__ import annotations

import importlib
from pathlib import Path

import attrs

from asem_core.errors import ModelError
from asem_core.specs import ModelSpec
from asem_core.volume.output import Replaceable
from asem_core.zoo.files import ONNX_NAME, RDF_NAME, file_sha256
from asem_core.zoo.guard.onnx_file import check_onnx
from asem_core.zoo.manifest import MANIFEST, check_files, stated_onnx
from asem_core.zoo.rdf import named_files, organelle_of, read_description


@attrs.frozen(kw_only=True)
class Package:
    """The folder of a model and its ONNX file, checked against the spec."""

    spec: ModelSpec
    folder: Path
    onnx: Path


def package_folder(spec: ModelSpec) -> Path:
    """Folder of the package of ``spec``, inside its plugin or wherever an absolute path points.

    Raises
    ------
    ModelError
        The import package or the folder is missing.
    """
    path = Path(spec.package)
    if not path.is_absolute():
        module_name, _, folder = spec.package.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise ModelError(f"model {spec.id!r}: cannot import its package {module_name}: {error}") from error
        path = Path(str(module.__file__)).parent / folder
    if not (path / "rdf.yaml").is_file():
        raise ModelError(f"model {spec.id!r}: no bioimage.io package in {path} (rdf.yaml is missing); install it again")
    return path


def open_package(spec: ModelSpec) -> Package:
    """Find the package of ``spec`` and check its weights.

    Raises
    ------
    ModelError
        A file is missing, or the weights' sha256 is not the one that the plugin states.
    """
    folder = package_folder(spec)
    return Package(spec=spec, folder=folder, onnx=stated_onnx(spec, folder))


def is_own(folder: Path) -> bool:
    """Whether the package in ``folder``, which `check_description` has accepted, was written by ASEM."""
    config = read_description(folder).get("config")
    return isinstance(config, dict) and "asem" in config and (folder / MANIFEST).is_file()


def is_only_own(folder: Path) -> bool:
    """Whether ``folder`` is a package that ASEM wrote, unchanged, and nothing else.

    All that may lie in it are the files that its description names, with the sha256 that it states.
    """
    try:
        if not is_own(folder):
            return False
        stated = {file.name: file.sha256 for file in named_files(read_description(folder))}
    except ModelError:
        return False
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not _is_cache(path, folder)}
    return files.keys() <= {RDF_NAME, MANIFEST, *stated} and all(
        path.is_file() and not path.is_symlink() and stated.get(name) in (None, file_sha256(path))
        for name, path in files.items()
    )


def _is_cache(path: Path, folder: Path) -> bool:
    """Whether Python made it, as it does where it imports the network's architecture."""
    return "__pycache__" in path.relative_to(folder).parts


PACKAGE = Replaceable(name="a model package", recognise=is_only_own)


def open_folder(folder: Path, *, organelle: str) -> Package:
    """Open a package that ASEM wrote.

    Raises
    ------
    ModelError
        The weights are not the stated ones or not sound, or find another organelle.
    """
    spec = check_files(folder)
    check_onnx(folder / ONNX_NAME)
    if (found := organelle_of(folder)) != organelle:
        raise ModelError(f"{folder}: the model {spec.id!r} finds {found}, not {organelle}: give --organelle {found}")
    return Package(spec=spec, folder=folder, onnx=folder / ONNX_NAME)
