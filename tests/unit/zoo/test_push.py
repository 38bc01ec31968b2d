"""A zoo that grows: every version beside the others, none replaced unasked, none offered that is not whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fsspec.implementations.memory import MemoryFileSystem

from asem_core.cli.zoo import zoo as zoo_verbs
from asem_core.errors import AsemError, ModelError, OutputError
from asem_core.volume import places
from asem_core.volume.address import destination_of
from asem_core.volume.contents import RECORD
from asem_core.zoo.find import Listed, package_of
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.site.build import build_site
from asem_core.zoo.site.collection import read_entries
from asem_core.zoo.site.pull import pull
from asem_core.zoo.site.push import push

from ...light_package import light_package

ID = "toy-10nm"
Make = Callable[..., Path]


@pytest.fixture
def package(root: Path, tmp_path: Path) -> Make:
    """Makes a package of a version."""
    compact = root / "plugins/organelles/mito/asem_organelle_mito/models/mito_compact_10nm"

    def make(version: str, **more: Any) -> Path:
        folder = tmp_path / f"package{len(list(tmp_path.iterdir()))}"
        return light_package(compact, folder, **{"id": ID, "version": version, **more})

    return make


@pytest.fixture(params=["folder", "bucket"])
def zoo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where there is nothing yet."""
    yield str(tmp_path / "zoo") if request.param == "folder" else "memory://lab/zoo"
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def read(zoo: str, name: str) -> bytes:
    found = places.read(destination_of(zoo).joinpath(*name.split("/")))
    assert found is not None, name
    return found


def versions(zoo: str) -> list[str]:
    return [str(entry["version"]) for entry in read_entries(destination_of(zoo)) or []]


def test_versions_stand_side_by_side(zoo: str, package: Make) -> None:
    first = push(package("1.9.0"), zoo)
    assert first.new
    before = read(zoo, f"models/{ID}@1.9.0.zip")
    assert hashlib.sha256(before).hexdigest() == first.sha256
    push(package("1.10.0", note="better"), zoo)
    assert versions(zoo) == ["1.9.0", "1.10.0"]
    assert read(zoo, f"models/{ID}@1.9.0.zip") == before
    assert read(zoo, f"models/{ID}@1.10.0/README.md") == read(zoo, f"models/{ID}@1.9.0/README.md") + b"better"
    assert pull(ID, zoo).version == "1.10.0"
    assert pull(f"{ID}@1.9.0", zoo, overwrite=True).version == "1.9.0"
    with pytest.raises(ModelError, match=rf"has no model '{ID}@2.0.0'; there are: {ID}@1.10.0, {ID}@1.9.0"):
        pull(f"{ID}@2.0.0", zoo)


def test_a_version_is_replaced_only_when_asked(zoo: str, package: Make) -> None:
    push(package("1.0.0"), zoo)
    assert not push(package("1.0.0"), zoo).new
    other = package("1.0.0", note="others")
    with pytest.raises(ModelError, match=r"has another package of toy-10nm 1.0.0: give this one a version of its own"):
        push(other, zoo)
    assert not read(zoo, f"models/{ID}@1.0.0/README.md").endswith(b"others")
    stray = destination_of(zoo).joinpath("models", f"{ID}@1.0.0", "stray.txt")
    places.write(stray, b"of the old one")
    push(other, zoo, overwrite=True)
    assert versions(zoo) == ["1.0.0"]
    assert read(zoo, f"models/{ID}@1.0.0/README.md").endswith(b"others")
    assert places.read(stray) is None
    assert pull(ID, zoo).version == "1.0.0"


def test_the_gallery_shows_every_model_by_its_newest_version(zoo: str, package: Make) -> None:
    push(package("1.9.0"), zoo)
    push(package("1.10.0", note="better"), zoo)
    push(package("0.1.0", id="other-10nm"), zoo)
    index = read(zoo, "index.html").decode()
    assert index.count('<section class="card">') == 2
    page = f"model-{ID}@1.10.0.html"
    assert index.count(f'href="{page}"') == 2
    assert f'also <a href="model-{ID}@1.9.0.html">1.9.0</a></p>' in index
    for link in re.findall(r'(?:href|src)="([^"#:]+)"', index):
        read(zoo, link)
    told = read(zoo, page).decode()
    assert "better" in told
    assert f"asem zoo pull {ID}@1.10.0 --from" in told
    push(package("1.10.0", note="even better"), zoo, overwrite=True)
    assert "even better" in read(zoo, page).decode()


def test_what_is_not_read_back_is_not_offered(zoo: str, package: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    push(package("1.0.0"), zoo)
    whole = places.read

    def damaged(place: Any) -> bytes | None:
        return b"0" if place.name.endswith(".zip") else whole(place)

    with monkeypatch.context() as patch:
        patch.setattr(places, "read", damaged)
        with pytest.raises(OutputError, match="not what is read back"):
            push(package("2.0.0"), zoo)
    assert versions(zoo) == ["1.0.0"]
    assert push(package("2.0.0"), zoo).new


def test_what_is_no_zoo_of_push_is_left_alone(package: Make, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").touch()
    with pytest.raises(OutputError, match=r"no zoo that `asem zoo push` made \(it holds chapter.tex\)"):
        push(package("1.0.0"), thesis)
    ours = package("1.0.0")
    build_site(tmp_path / "site", [Listed(organelle="mito", spec=read_manifest(ours), distribution=None)])
    (tmp_path / "site" / RECORD).unlink()  # as where it was copied by a tool that leaves hidden files behind
    build_site(tmp_path / "empty", [])
    for site in ("site", "empty"):
        with pytest.raises(OutputError, match="is built again"):
            push(ours, tmp_path / site)
    assert [path.name for path in thesis.iterdir()] == ["chapter.tex"]


@pytest.mark.parametrize("version", ["../1", "1/2", "", "1 0", " 1.0", "draft", "1!2.0"])
def test_a_version_that_has_no_order_or_can_be_no_file(package: Make, tmp_path: Path, version: str) -> None:
    with pytest.raises(ModelError, match=r"the version of a model must be one such as 1\.0\.0"):
        push(package(version), tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


def test_the_verb(package: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, zoo = package("1.0.0"), tmp_path / "zoo"
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(zoo_verbs, ["push", f"./{folder.name}", str(zoo)])
    assert told.exit_code == 0, told.exception
    assert f"{zoo}: {ID} 1.0.0, sha256 " in told.output
    assert f"asem zoo pull {ID} --from {zoo}" in told.output
    assert "was there already" in CliRunner().invoke(zoo_verbs, ["push", str(folder), str(zoo)]).output
    assert not push(Path(folder.name), zoo).new


def test_a_model_of_a_zoo_by_its_address(
    zoo: str, package: Make, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "://" not in zoo:
        pytest.skip("an address is a URL; a folder's zip is a path")
    push(package("1.0.0"), zoo)
    push(package("2.0.0"), zoo)
    for name, version in ((ID, "2.0.0"), (f"{ID}@1.0.0", "1.0.0"), (f"{ID}@1.0.0.zip", "1.0.0")):
        with package_of(f"{zoo}/models/{name}", registry=registry) as folder:
            assert read_manifest(folder).version == version

    def again(*_: Any, **__: Any) -> None:
        raise AssertionError("what is here is not downloaded again")

    monkeypatch.setattr("asem_core.zoo.site.pull.download", again)
    with package_of(f"{zoo}/models/{ID}", registry=registry) as folder:
        assert read_manifest(folder).version == "2.0.0"
    for wrong in (f"{zoo}/{ID}", f"{zoo}/models/{ID}/rdf.yaml"):
        with (
            pytest.raises(AsemError, match="no address of a model: give ZOO/models/ID"),
            package_of(wrong, registry=registry),
        ):
            pass
