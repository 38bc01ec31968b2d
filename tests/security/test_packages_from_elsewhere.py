"""What is wrong with a package is said in one line, at every door, before anything of it is used."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from asem_core.errors import AsemError, ModelError
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.guard.pickle_file import check_state_dict
from asem_core.zoo.guard.unpack import unpack_safely

from ..box_model import read_rdf, write_box_model, write_rdf
from .attacks import PACKAGES, ZIPS, mark, zip_package

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: Any) -> Path:
    """A package of a box filter that nothing is wrong with."""
    return write_box_model(tmp_path_factory.mktemp("sound") / "box")


@pytest.fixture
def spoilt(sound: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(sound, tmp_path / "package"))


@pytest.fixture(scope="module")
def asem(tmp_path_factory: Any) -> Any:
    """Run a command; its exit code and what it says on standard error."""
    from click.testing import CliRunner

    from asem_core.cli.main import command_line

    folder = tmp_path_factory.mktemp("volume")
    zarr.create_array(folder / "cell.zarr", data=np.zeros((8, 8, 8), np.uint8), chunks=(8, 8, 8), zarr_format=2)
    commands, registry = command_line()

    def run(door: str, package: Path) -> tuple[str, Path]:
        output = package.parent / "out.zarr"
        arguments = {
            "segment": ["segment", f"{folder}/cell.zarr", "--voxel-size", "10", "--organelle", "mito",
                        "-o", f"{output}", "--model", f"{package}"],
            "validate": ["zoo", "validate", f"{package}"],
        }  # fmt: skip
        result = CliRunner().invoke(commands, arguments[door], obj=registry)
        if not isinstance(result.exception, AsemError):
            raise AssertionError(f"expected a refusal, got {result.exception!r}: {result.output}")
        return f"{result.output}{result.exception}", output

    return run


def install(package: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `install_package` says, which leaves nothing behind."""
    from asem_core.zoo.store import install_package

    monkeypatch.setenv("ASEM_MODELS", str(store))
    with pytest.raises(ModelError) as refused:
        install_package(package)
    assert not list(store.iterdir())
    return str(refused.value)


def test_the_sound_package_is_accepted(sound: Path, tmp_path: Path) -> None:
    check_description(sound)
    unpack_safely(zip_package(sound, tmp_path / "box.zip"), tmp_path / "unpacked")
    check_description(tmp_path / "unpacked")
    assert {p.name for p in (tmp_path / "unpacked").iterdir()} == {p.name for p in sound.iterdir()}


@pytest.mark.parametrize("name", PACKAGES)
def test_spoilt_packages(name: str, spoilt: Path, asem: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    attack, reason = PACKAGES[name]
    attack(spoilt)
    with pytest.raises(ModelError, match=reason) as refused:
        check_description(spoilt)
    assert "\n" not in str(refused.value)
    assert not mark(spoilt).exists(), "code of the package ran"
    assert re.search(reason, install(spoilt, spoilt.parent / "store", monkeypatch))
    assert not mark(spoilt).exists(), "code of the package ran"


@pytest.mark.parametrize("name", ["pickle with code", "missing test tensor", "huge constant", "external data above",
                                  "changed weights", "test tensor by a link", "a YAML tag"])  # fmt: skip
@pytest.mark.parametrize("door", ["segment", "validate"])
def test_spoilt_packages_on_the_command_line(name: str, door: str, spoilt: Path, asem: Any) -> None:
    attack, reason = PACKAGES[name]
    attack(spoilt)
    said, output = asem(door, spoilt)
    assert re.search(reason, said)
    assert not output.exists()
    assert not mark(spoilt).exists(), "code of the package ran"


@pytest.mark.parametrize("name", ZIPS)
def test_spoilt_zips(name: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attack, reason = ZIPS[name]
    (tmp_path / "inside").mkdir()
    archive = zip_package(sound, tmp_path / "inside" / "box.zip")
    attack(archive)
    with pytest.raises(ModelError, match=reason) as refused:
        unpack_safely(archive, tmp_path / "inside" / "unpacked")
    assert "\n" not in str(refused.value)
    assert re.search(reason, install(archive, tmp_path / "store", monkeypatch))
    assert sorted(p.name for p in (tmp_path / "inside").iterdir()) == ["box.zip"], "something was unpacked"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["inside", "store"], "something was unpacked elsewhere"


@pytest.mark.parametrize("door", ["segment", "validate"])
def test_a_spoilt_zip_on_the_command_line(door: str, sound: Path, tmp_path: Path, asem: Any) -> None:
    archive = zip_package(sound, tmp_path / "box.zip")
    attack, reason = ZIPS["entry above"]
    attack(archive)
    said, output = asem(door, archive)
    assert re.search(reason, said)
    assert not output.exists()
    assert not (tmp_path.parent / "outside.txt").exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_a_state_dict_of_tensors_is_accepted(tmp_path: Path, legacy: bool) -> None:
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 3), torch.nn.BatchNorm3d(2))
    torch.save(network.state_dict(), tmp_path / "net.pt", _use_new_zipfile_serialization=not legacy)
    check_state_dict(tmp_path / "net.pt")


def test_a_whole_network_is_not_a_state_dict(tmp_path: Path) -> None:
    torch.save(torch.nn.Conv3d(1, 2, 3), tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"asks for torch\.nn\.modules\.conv\.Conv3d"):
        check_state_dict(tmp_path / "net.pt")


def test_code_of_a_processing_step_is_not_run(spoilt: Path, asem: Any) -> None:
    (spoilt / "step.py").write_text(f"open({str(mark(spoilt))!r}, 'w')\n")
    values = read_rdf(spoilt)
    values["outputs"][0]["postprocessing"] = [{"id": "custom", "callable": "step", "source": "step.py"}]
    write_rdf(spoilt, json.loads(json.dumps(values)))
    said, output = asem("segment", spoilt)
    assert "custom" in said
    assert not output.exists()
    assert not mark(spoilt).exists()
