"""A package as zip, as part of a static site, and back from there into the store."""

from __future__ import annotations

import datetime
import json
import shutil
import zipfile
from html.parser import HTMLParser

import attrs
import pytest
import yaml
from click.testing import CliRunner

from asem_core.cli.zoo import zoo
from asem_core.errors import AsemError, ModelError, OutputError
from asem_core.zoo import download
from asem_core.zoo.files import STATE_DICT_NAME, file_sha256
from asem_core.zoo.find import Listed
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.site.build import build_site
from asem_core.zoo.site.pull import pull
from asem_core.zoo.store import stored_models
from asem_core.zoo.validate import problems
from asem_core.zoo.write.export import export_zip

from ...light_package import light_package
from ...web_server import serve

ID = "mito-10nm"
URL = "https://models.example.org/asem"


@pytest.fixture(scope="module")
def package(root):
    return root / "plugins/organelles/mito/asem_organelle_mito/models/mito_10nm"


@pytest.fixture(scope="module")
def compact(package):
    """A smaller one, which is packed in a third of the time."""
    return package.with_name("mito_compact_10nm")


@pytest.fixture(scope="module")
def listed(package):
    return Listed(organelle="mito", spec=read_manifest(package), distribution="asem-organelle-mito")


@pytest.fixture(scope="module")
def built(listed, tmp_path_factory):
    site = tmp_path_factory.mktemp("zoo") / "site"
    build_site(site, [listed], url=URL + "/")
    return site


@pytest.fixture
def copy(package, tmp_path):
    return shutil.copytree(package, tmp_path / "copy")


@pytest.fixture
def site(built, tmp_path):
    """A site that a test may change."""
    return shutil.copytree(built, tmp_path / "site")


@pytest.fixture
def server(site):
    with serve(site) as server:
        yield server


@pytest.fixture
def served(server):
    return server.url


def run_zoo(*arguments):
    return CliRunner().invoke(zoo, [str(argument) for argument in arguments])


def refusal(result):
    assert result.exit_code != 0
    assert isinstance(result.exception, AsemError), (result.output, result.exception)
    return str(result.exception)


def change_entry(site, **values):
    collection = json.loads((site / "collection.json").read_text())
    collection["collection"][0] |= values
    (site / "collection.json").write_text(json.dumps(collection))


def test_export_gives_the_same_bytes_and_all_files(copy, package, tmp_path):
    first = export_zip(package, tmp_path / "a.zip")
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__/unet.pyc").touch()
    (copy / ".DS_Store").touch()
    assert file_sha256(export_zip(copy, tmp_path / "b.zip")) == file_sha256(first)
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        kept = {path.name for path in package.iterdir() if path.name != "__pycache__"}
        assert archive.namelist() == sorted(kept | {"weights_state_dict.pt"})


# bioimageio.spec leaves the zip that it reads to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_export_opens_in_bioimageio(compact, tmp_path):
    from bioimageio.spec import load_description
    from bioimageio.spec.model.v0_5 import ModelDescr

    description = load_description(export_zip(compact, tmp_path / "m.zip"), perform_io_checks=False)
    assert isinstance(description, ModelDescr)
    assert description.id == "mito-compact-10nm"


def test_export_on_the_command_line(tmp_path, compact):
    result = run_zoo("export", compact, tmp_path)
    assert result.exit_code == 0, result.exception
    assert file_sha256(tmp_path / "mito_compact_10nm.zip") in result.output
    assert "use --overwrite" in refusal(run_zoo("export", compact, tmp_path))
    assert run_zoo("export", compact, tmp_path, "--overwrite").exit_code == 0
    (tmp_path / "thesis.zip").write_text("not a zip")
    assert "not only, a model's zip that ASEM wrote" in refusal(
        run_zoo("export", compact, tmp_path / "thesis.zip", "--overwrite")
    )
    assert "name it NAME.zip" in refusal(run_zoo("export", compact, tmp_path / "m.tar"))


def test_damaged_package_is_not_exported(copy, tmp_path):
    (copy / "README.md").unlink()
    with pytest.raises(ModelError, match=r"README\.md is missing"):
        export_zip(copy, tmp_path / "m.zip")
    assert not (tmp_path / "m.zip").exists()


def test_validate(compact, copy, tmp_path):
    archive = export_zip(compact, tmp_path / "m.zip")
    assert f"{archive}: sound" in run_zoo("validate", archive).output
    (copy / "test_input.npy").unlink()
    (copy / "weights.onnx").write_bytes(b"other")
    result = run_zoo("validate", copy)
    assert "2 problems" in refusal(result)
    lines = result.output.splitlines()
    assert len(lines) == 2
    assert "test_input.npy is missing" in lines[0] or "weights.onnx" in lines[0]
    assert "no such folder or zip" in refusal(run_zoo("validate", tmp_path / "nothing"))


def test_validate_reports_what_bioimageio_says(copy):
    rdf = yaml.safe_load((copy / "rdf.yaml").read_text())
    rdf["authors"] = []
    rdf["inputs"][0]["axes"][2]["unit"] = "furlong"
    (copy / "rdf.yaml").write_text(yaml.safe_dump(rdf))
    found = problems(copy)
    assert any("unit" in problem for problem in found), found
    assert all("\n" not in problem for problem in found)


@pytest.mark.parametrize(
    ("key", "value"), [("version", datetime.date(2026, 1, 15)), ("format_version", 0.5), ("id", 5)]
)
def test_validate_says_what_yaml_takes_for_no_text(compact, tmp_path, key, value):
    folder = light_package(compact, tmp_path / "light")
    rdf = yaml.safe_load((folder / "rdf.yaml").read_text()) | {key: value}
    (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf))
    assert problems(folder) == (f"{key}: must be text, got {value}: put it in quotes",)


def test_site_files(built, package):
    (entry,) = json.loads((built / "collection.json").read_text())["collection"]
    assert entry["type"] == "model"
    assert entry["id"] == entry["nickname"] == ID
    assert "mitochondria" in entry["tags"]
    assert entry["rdf_source"] == f"{URL}/models/{ID}/rdf.yaml"
    assert entry["covers"] == [f"{URL}/models/{ID}/cover.png"]
    assert entry["zip_sha256"] == file_sha256(built / entry["zip_source"])
    assert entry["zip_bytes"] == (built / entry["zip_source"]).stat().st_size
    sha256 = file_sha256(package / "rdf.yaml")
    assert json.loads((built / "id_map.json").read_text()) == {ID: {"source": entry["rdf_source"], "sha256": sha256}}
    assert problems(built / f"models/{ID}") == ()


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for key, value in attributes if key in ("href", "src")]


@pytest.mark.parametrize("page", ["index.html", f"model-{ID}.html"])
def test_pages_link_to_what_is_there(built, package, page):
    text = (built / page).read_text()
    links = _Links()
    links.feed(text)
    local = [link for link in links.found if not link.startswith(("https://doi.org/", "data:"))]
    assert len(local) > 3
    for link in local:
        assert (built / link).is_file(), link
    scores = [f"{value:.3f}" for value in read_manifest(package).scores.values()]
    assert len(scores) == 2
    for fact in (ID, "10 x 10 x 10 nm", "CC-BY-NC-4.0", *scores, "Trained on research-use data", "deepImageJ"):
        assert fact in text, fact


def test_site_without_address_is_relative(listed, tmp_path):
    result = CliRunner().invoke(zoo, ["build", str(tmp_path / "site"), "--model", ID])
    assert result.exit_code == 0, result.exception
    assert "no id_map.json" in result.stderr
    (entry,) = json.loads((tmp_path / "site/collection.json").read_text())["collection"]
    assert entry["rdf_source"] == f"models/{ID}/rdf.yaml"
    assert not (tmp_path / "site/id_map.json").exists()
    assert 'class="site"' in (tmp_path / "site/index.html").read_text()
    (tmp_path / "thesis").mkdir()
    assert "not only, a zoo site that ASEM wrote" in refusal(run_zoo("build", tmp_path / "thesis", "--overwrite"))
    assert "use --overwrite" in refusal(run_zoo("build", tmp_path / "site"))


def test_pages_show_hostile_text_as_text(copy, listed, tmp_path):
    evil = "<script>alert(1)</script>"
    rdf = yaml.safe_load((copy / "rdf.yaml").read_text())
    rdf |= {"name": evil, "attachments": [], "documentation": "README.md", "covers": ["../../secret.png"]}
    rdf["covers"] = ["https://elsewhere.example/cover.png"]
    (copy / "rdf.yaml").write_text(yaml.safe_dump(rdf))
    (copy / "README.md").write_text(f"{evil}\n\n[x](javascript:alert(1))\n")
    spec = attrs.evolve(listed.spec, package=str(copy), trained_on=evil)
    build_site(tmp_path / "site", [attrs.evolve(listed, spec=spec)])
    for page in ("index.html", f"model-{ID}.html"):
        text = (tmp_path / "site" / page).read_text()
        assert evil not in text
        assert "elsewhere.example" not in text
        assert 'href="javascript' not in text
        assert "&lt;script&gt;" in text


def test_two_models_of_one_id_make_no_site(listed, tmp_path):
    other = attrs.evolve(listed, spec=attrs.evolve(listed.spec, id="mito-5nm"))
    with pytest.raises(ModelError, match=r"two models have one id \(mito-10nm\)"):
        build_site(tmp_path / "site", [listed, other, listed])
    assert not list(tmp_path.iterdir())


def test_only_a_site_as_it_was_built_is_replaced(listed, site):
    (site / "CNAME").write_text("models.example.org")
    with pytest.raises(OutputError, match="not only, a zoo site that ASEM wrote"):
        build_site(site, [listed], overwrite=True)
    assert (site / "CNAME").exists()
    (site / "CNAME").unlink()
    build_site(site, [listed], overwrite=True)


@pytest.mark.parametrize("suffix", ["", "/", "/index.html", "/collection.json"])
def test_pull(served, package, model_store, suffix):
    spec = pull(ID, served + suffix)
    assert stored_models() == (("mito", spec),)
    stored = {p.name: file_sha256(p) for p in (model_store / ID).iterdir()}
    assert stored.pop(STATE_DICT_NAME)  # as `rdf.yaml` states it, or nothing would have been stored
    assert stored == {
        p.name: file_sha256(p) for p in package.iterdir() if p.name not in ("__pycache__", STATE_DICT_NAME)
    }
    assert [path.name for path in model_store.iterdir()] == [ID]


def test_pull_from_a_folder(site, model_store):
    assert pull(ID, str(site)).package == str(model_store / ID)


def test_interrupted_pull_goes_on(server, served, monkeypatch):
    monkeypatch.setattr(download, "PIECE_BYTES", 2**20)
    server.hangs_up_after = 3
    with pytest.raises(ModelError, match="the same command goes on from there"):
        pull(ID, served)
    assert stored_models() == ()
    assert max(server.starts) == 3 * 2**20
    server.ranges.clear()
    server.hangs_up_after = None
    pull(ID, served)
    assert server.starts[0] == 3 * 2**20
    assert [spec.id for _, spec in stored_models()] == [ID]


def test_wrong_sha256_is_not_stored(served, site, model_store):
    change_entry(site, zip_sha256="0" * 64)
    with pytest.raises(ModelError, match="expected sha256 0000"):
        pull(ID, served)
    assert stored_models() == ()


def test_site_that_sends_another_model(served, site):
    change_entry(site, id="mito-5nm")
    with pytest.raises(ModelError, match="holds the model 'mito-10nm', expected 'mito-5nm'"):
        pull("mito-5nm", served)
    assert stored_models() == ()


@pytest.mark.parametrize("source", ["../secret.zip", "https://elsewhere.example/m.zip", "/etc/passwd", None])
def test_zip_that_is_not_of_the_site(served, site, source):
    change_entry(site, zip_source=source)
    with pytest.raises(ModelError, match="names no zip of the zoo"):
        pull(ID, served)


def test_unknown_model_and_no_site(served, site, tmp_path):
    with pytest.raises(ModelError, match=r"no model 'mito-10'; there are: mito-10nm; did you mean 'mito-10nm'"):
        pull("mito-10", served)
    with pytest.raises(ModelError, match="there is no collection"):
        pull(ID, str(tmp_path))
    (site / "collection.json").write_text("[]")
    with pytest.raises(AsemError, match="expected a JSON object"):
        pull(ID, served)


def test_pull_on_the_command_line(served, site, monkeypatch):
    assert "comes with asem-organelle-mito" in refusal(run_zoo("pull", ID, "--from", served))
    without = run_zoo("pull", "mito-5nm")
    assert without.exit_code == 2
    assert "give the address of a zoo with --from" in without.output
    from asem_core import registry

    monkeypatch.setattr(registry, "make_registry", lambda: registry.Registry(registry.make_manager([])))
    result = run_zoo("pull", ID, "--from", served)
    assert result.exit_code == 0, result.exception
    assert f"asem segment VOLUME --model {ID}" in result.stdout
    assert "brings its parameters" not in result.stderr  # the package does
    listing = json.loads(run_zoo("list", "--json").stdout)
    assert [(row["id"], row["distribution"]) for row in listing] == [(ID, None)]
    assert "(pulled or imported)" in run_zoo("list").stdout


def test_a_package_without_its_organelle_says_what_brings_it(compact, tmp_path, monkeypatch):
    model = read_manifest(compact)
    build_site(tmp_path / "site", [Listed(organelle="mito", spec=model, distribution="asem-organelle-mito")])
    from asem_core import registry

    monkeypatch.setattr(registry, "make_registry", lambda: registry.Registry(registry.make_manager([])))
    with serve(tmp_path / "site") as server:
        result = run_zoo("pull", model.id, "--from", server.url)
    assert result.exit_code == 0, result.exception
    assert "asem-organelle-mito brings its parameters" in result.stderr


def test_list_names_what_matters():
    text = run_zoo("list").stdout
    for fact in (
        ID,
        "10 x 10 x 10 nm",
        " outside the exclusion zone",
        "CC-BY-NC-4.0",
        "asem-organelle-mito",
        " MB",
    ):
        assert fact in text
