"""The distributions as a user gets them: what is in them, and whether they work alone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from asem_core.testing.wheels import LARGEST

from ..once import once

pytestmark = pytest.mark.slow

WITH_MODELS = ("mito", "er", "golgi", "pore", "ccp")
ORGANELLES = (*WITH_MODELS, "nucleus")
DISTRIBUTIONS = {
    "asem_core": ".",
    **{f"asem_organelle_{name}": f"plugins/organelles/{name}" for name in ORGANELLES},
    "asem_analysis_pits": "plugins/analyses/pits",
    "asem_analysis_pores": "plugins/analyses/pores",
    "asem_analysis_contacts": "plugins/analyses/contacts",
    "asem_dataset_simulated": "plugins/datasets/simulated",
    "asem_dataset_asem": "plugins/datasets/asem",
    "asem_reader_jeiss": "plugins/readers/jeiss",
    "asem_annotate": "plugins/annotate",
    "asem_view": "plugins/view",
    "asem_mesh": "plugins/mesh",
}


SMALL = ("--diameter", "2.5")
"""As small as a simulated cell may be."""
BUILD = """
import functools, gzip, os, sys, tarfile, tempfile
from unittest.mock import patch
from hatchling.build import build_sdist, build_wheel
out, *folders = sys.argv[1:]
for folder in folders:
    os.chdir(folder)
    with patch("gzip.GzipFile", functools.partial(gzip.GzipFile, compresslevel=1)):
        sdist = build_sdist(out)
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(os.path.join(out, sdist)) as file:
        file.extractall(scratch, filter="data")
        os.chdir(os.path.join(scratch, sdist.removesuffix(".tar.gz")))
        build_wheel(out)
        os.chdir(out)
"""
"""What ``python -m build`` does, sdist and wheel from it, in one process and with sdists that are packed in a hurry:
weights hardly shrink, and nine tenths of the time went into trying."""
VERBS = """
import shlex, sys
from asem_core.cli.main import main
for command in sys.argv[1:]:
    sys.argv = shlex.split(command)
    main()
"""
"""Commands, typed one after the other, in one process: a start takes as long as what they do."""


@pytest.fixture(scope="session")
def dist(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of every distribution."""

    def build(out: Path) -> None:
        _run(sys.executable, "-c", BUILD, out, *(root / folder for folder in DISTRIBUTIONS.values()))

    return once("dist", build, tmp_path_factory)


@pytest.fixture(scope="session")
def fresh(root: Path, dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of a new environment that holds the wheels, what they need, and nothing else."""
    if not _package_index_answers(tmp_path_factory.mktemp("probe")):
        pytest.skip("no package index can be reached: the wheels' dependencies cannot be installed")

    def install(environment: Path) -> None:
        _run(sys.executable, "-m", "venv", "--without-pip", environment)
        pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python")
        wheels = sorted(dist.glob("*.whl"))
        _run(*pip, "install", "--quiet", "--no-compile", "-c", root / "constraints.txt", *wheels)

    return once("fresh", install, tmp_path_factory) / "bin"


@pytest.fixture(scope="session")
def cells(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a simulated cell of every preset that is asked for below."""

    def simulate(folder: Path) -> None:
        for preset, more in {"tissue": (), "cf": SMALL, "hpfs": SMALL}.items():
            where = (folder / f"{preset}.zarr", "--preset", preset, "--shape", "48,56,64")
            _run(fresh / "asem", "simulate", *where, *more)

    return once("cells", simulate, tmp_path_factory)


def _package_index_answers(folder: Path) -> bool:
    """Whether pip, configured as it is here, can download a small wheel."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--dest", folder, "iniconfig"]
    return subprocess.run(command, capture_output=True, timeout=300).returncode == 0


def _run(*command: object) -> str:
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"
    return run.stdout


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as file:
        return file.namelist()


@pytest.mark.parametrize("package", DISTRIBUTIONS)
def test_wheel_holds_its_package_and_nothing_else(dist: Path, package: str) -> None:
    (wheel,) = dist.glob(f"{package}-*.whl")
    tops = {name.partition("/")[0] for name in _names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {package}
    assert wheel.stat().st_size < LARGEST


def test_annotate_wheel_holds_the_manifest_of_napari(dist: Path) -> None:
    (wheel,) = dist.glob("asem_annotate-*.whl")
    assert "asem_annotate/napari.yaml" in _names(wheel)


def test_core_wheel_holds_presets_templates_and_types(dist: Path) -> None:
    (wheel,) = dist.glob("asem_core-*.whl")
    hidden = "asem_core/template/common/.github/workflows/test.yml.jinja"
    assert {"asem_core/py.typed", "asem_core/training/presets/fast.yaml", hidden} <= set(_names(wheel))


@pytest.mark.parametrize("organelle", WITH_MODELS)
def test_wheel_holds_its_model(dist: Path, organelle: str) -> None:
    (wheel,) = dist.glob(f"asem_organelle_{organelle}-*.whl")
    names = _names(wheel)
    assert any(name.endswith("/rdf.yaml") for name in names)
    assert any(name.endswith(".onnx") for name in names)


def test_dataset_wheel_holds_its_table(dist: Path) -> None:
    (wheel,) = dist.glob("asem_dataset_asem-*.whl")
    assert "asem_dataset_asem/cells.yaml" in _names(wheel)


def test_core_sdist_leaves_plugins_out(dist: Path) -> None:
    (sdist,) = dist.glob("asem_core-*.tar.gz")
    with tarfile.open(sdist) as file:
        tops = {name.split("/")[1] for name in file.getnames() if "/" in name}
    assert "asem_core" in tops
    assert not tops & {"plugins", "tests", "zoo"}


def test_fresh_environment_has_no_torch(fresh: Path) -> None:
    code = "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is not None)"
    _run(fresh / "python", "-c", code)


def test_fresh_environment_has_one_onnx_runtime(fresh: Path) -> None:
    installed = _run(sys.executable, "-m", "pip", "--python", fresh / "python", "list", "--format", "freeze")
    assert len([line for line in installed.splitlines() if line.startswith("onnxruntime")]) == 1


@pytest.mark.parametrize(
    ("organelle", "preset"), [("mito", "tissue"), ("er", "cf"), ("golgi", "cf"), ("pore", "cf"), ("ccp", "hpfs")]
)
def test_fresh_environment_segments(fresh: Path, cells: Path, tmp_path: Path, organelle: str, preset: str) -> None:
    cell, output = cells / f"{preset}.zarr", tmp_path / "found.zarr"
    told = _run(
        fresh / "python",
        "-c",
        VERBS,
        f"asem segment {cell} --organelle {organelle} -o {output}",
        f"asem evaluate {output} {cell} --organelle {organelle} --json",
        f"asem verify {output}",
    )
    assert "precision" in told
    assert "sound" in told
