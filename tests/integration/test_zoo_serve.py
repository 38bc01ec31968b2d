"""A lab's zoo over http, as the programs see it that take models from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from asem_core import make_registry
from asem_core.models.find import choose_organelle, find_model
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.site.pull import pull
from asem_core.zoo.site.push import push

from ..light_package import light_package

pytestmark = pytest.mark.slow

ID = "mito-compact-10nm"
ASEM = "import sys; from asem_core.cli.main import main; sys.argv[0] = 'asem'; main()"
LOAD = """
import sys
from bioimageio.core import load_description
for name in sys.argv[1:]:
    found = load_description(name)
    print(type(found).__name__, found.id, found.version, found.weights.onnx.opset_version)
"""


@pytest.fixture(scope="module")
def package(root: Path) -> Path:
    return root / "plugins/organelles/mito/asem_organelle_mito/models/mito_compact_10nm"


@pytest.fixture(scope="module")
def zoo(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zoo") / "zoo"
    push(package, folder)
    return folder


@pytest.fixture(scope="module")
def served(zoo: Path) -> Iterator[str]:
    """Address of a zoo with one version of a model."""
    command = (sys.executable, "-u", "-c", ASEM, "zoo", "serve", str(zoo), "--port", "0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip().removeprefix(f"{zoo}: ")
        assert address.startswith("http://127.0.0.1:"), server.communicate()
        yield address
        server.send_signal(signal.SIGTERM)
        _, told = server.communicate(timeout=60)
    assert (server.returncode, told) == (143, "asem: stopped by SIGTERM\n")


def ask(address: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(address, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_files_and_parts_of_them_and_nothing_is_written(served: str, zoo: Path) -> None:
    version = read_manifest(zoo / "models" / next(p.name for p in (zoo / "models").iterdir() if p.is_dir())).version
    whole = (zoo / f"models/{ID}@{version}/weights.onnx").read_bytes()
    assert ask(f"{served}/models/{ID}/weights.onnx") == (200, whole)
    assert ask(f"{served}/models/{ID}/weights.onnx", Range="bytes=10-19") == (206, whole[10:20])
    assert ask(f"{served}/models/{ID}.zip", "HEAD") == (200, b"")
    assert ask(f"{served}/models/..%2F..%2Fsecret.txt")[0] == 404
    for method in ("PUT", "POST", "DELETE"):
        assert ask(f"{served}/models/{ID}.zip", method)[0] == 405


def test_asem_takes_models_from_it(served: str, package: Path) -> None:
    spec = read_manifest(package)
    assert pull(f"{ID}@{spec.version}", served).sha256 == spec.sha256
    registry, address = make_registry(), f"{served}/models/{ID}"
    organelle = choose_organelle(None, model=address, registry=registry)
    with find_model(address, organelle=organelle, registry=registry) as model:
        assert model.id == ID


def test_bioimageio_takes_models_from_it(served: str, zoo: Path, package: Path, tmp_path: Path) -> None:
    """Of two versions: the highest by the id alone; what is pushed while the zoo is served is there."""
    old = read_manifest(package).version
    push(light_package(package, tmp_path / "new", version="99.0.0"), zoo)
    env = {
        **os.environ,
        "BIOIMAGEIO_COLLECTION_HTTP_PATTERN": served + "/models/{bioimageio_id}/rdf.yaml",
        "BIOIMAGEIO_CACHE_PATH": str(tmp_path / "cache"),
        "BIOIMAGEIO_PERFORM_IO_CHECKS": "false",  # the new one has no weights
    }
    names = (ID, f"{ID}@{old}", f"{served}/models/{ID}@{old}.zip")
    found = subprocess.run((sys.executable, "-c", LOAD, *names), env=env, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    told = [f"ModelDescr {ID} {version} 17" for version in ("99.0.0", old, old)]
    assert found.stdout.splitlines() == told
