"""A built zoo, served by a web server, as other programs see it: bioimageio.core and a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asem_core.zoo.find import Listed
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.site.build import build_site

from ..browser import browse
from ..web_server import serve

ID = "mito-10nm"
LOAD = """
import sys
from bioimageio.core import load_description
description = load_description(sys.argv[1])
print(type(description).__name__, description.id, description.weights.onnx.opset_version)
"""


@pytest.fixture(scope="module")
def served(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a site with one model."""
    package = root / "plugins/organelles/mito/asem_organelle_mito/models/mito_10nm"
    site = tmp_path_factory.mktemp("zoo") / "site"
    with serve(site) as server:
        build_site(site, [Listed(organelle="mito", spec=read_manifest(package), distribution=None)], url=server.url)
        yield server.url


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        {"BIOIMAGEIO_ID_MAP": "{site}/id_map.json", "BIOIMAGEIO_COLLECTION_HTTP_PATTERN": ""},
        {"BIOIMAGEIO_COLLECTION_HTTP_PATTERN": "{site}/models/{{bioimageio_id}}/rdf.yaml"},
    ],
    ids=["id map", "pattern"],
)
def test_bioimageio_finds_a_model_by_its_id(served: str, tmp_path: Path, setting: dict[str, str]) -> None:
    variables = {name: value.format(site=served) for name, value in setting.items()}
    found = subprocess.run(
        [sys.executable, "-c", LOAD, ID],
        capture_output=True,
        text=True,
        env={**os.environ, **variables, "BIOIMAGEIO_CACHE_PATH": str(tmp_path)},
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == ["ModelDescr", ID, "17"]


@pytest.mark.slow
@pytest.mark.parametrize("page", ["index.html", f"model-{ID}.html"])
def test_pages_in_a_browser(served: str, tmp_path: Path, page: str) -> None:
    local = served.replace("127.0.0.1", "localhost")  # the page puts in the address at which it is seen
    shown = browse(f"{local}/{page}", tmp_path)
    assert not shown.errors
    assert "ASEM mitochondria 10 nm" in shown.dom
    assert f"asem zoo pull {ID} --from {local}<" in shown.dom.replace('<span class="site">', "")
