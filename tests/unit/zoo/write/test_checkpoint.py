"""Published checkpoints on the command line: imported from a file, pulled from a server, and what their card says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
import yaml
from click.testing import CliRunner, Result

from asem_core import Registry
from asem_core.cli.zoo import zoo
from asem_core.errors import AsemError, ModelError
from asem_core.hookspecs import hookimpl
from asem_core.plugins import make_manager
from asem_core.specs import CheckpointSpec, OrganelleSpec, PublishedScore, StageRef
from asem_core.zoo.files import file_sha256
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.store import stored_models
from asem_core.zoo.write.checkpoint import CLAHE, checkpoint_card, describe_checkpoint

from ....web_server import serve

torch = pytest.importorskip("torch", reason="importing needs torch: pip install 'asem-core[train]'")

KNOWN = CheckpointSpec(
    name="test-lab/7",
    uri="s3://nowhere/models/er_7.pt",
    organelle="er",
    title="ER of a test",
    fixation="CF",
    voxel_size_nm=(4, 4, 4),
    cells=("cell 1", "cell 2"),
    normalise=CLAHE,
    licence="not stated",
    citation="Test et al.",
    doi="10.1234/test",
    scores=(PublishedScore(volume="cell 3, naive", f1=0.92),),
    scores_note="Means of 20.",
    claims=("the table says 4 nm, the text 5: 4 is taken",),
    known_failures=("Everything.",),
)


def not_installed(onnx: Path, scaled: npt.NDArray[np.float32]) -> Any:
    raise ImportError


@pytest.fixture(scope="module", autouse=True)
def small_cubes() -> Iterator[None]:
    """Cubes of 120 voxels instead of 160, and one runtime: numbers are tested in tests/parity."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asem_core.zoo.write.samples.PARITY_SIDE", 120)
        patch.setattr("asem_core.zoo.write.parity.run_openvino", not_installed)
        yield


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry with the organelles er and mito and the published checkpoint test-lab/7."""
    zone = StageRef(name="shell", params={"dilate": 1, "erode": 1})
    organelles = [OrganelleSpec(name=name, title=name, exclusion_zone=zone) for name in ("er", "mito")]
    hooks = SimpleNamespace(
        asem_register_organelles=hookimpl(lambda: organelles), asem_register_checkpoints=hookimpl(lambda: [KNOWN])
    )
    point = SimpleNamespace(name="lab", load=lambda: hooks, dist=SimpleNamespace(name="asem-lab", version="1"))
    registry = Registry(make_manager([point]))
    monkeypatch.setattr("asem_core.registry.make_registry", lambda: registry)
    return registry


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASEM_MODELS", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A base-2 network as the published program stores it, ``site/er_7.pt``."""
    from asem_core.training.unet import UNet

    torch.manual_seed(0)
    (tmp_path / "site").mkdir()
    optimiser = {"state": {0: {"step": torch.tensor(90000.0)}}, "param_groups": [{"lr": 3e-5}]}
    path = tmp_path / "site/er_7.pt"
    torch.save({"model_state_dict": UNet(2).state_dict(), "optimizer_state_dict": optimiser}, path)
    return path


@pytest.fixture
def web(checkpoint: Path) -> Iterator[str]:
    """Address of the folder of the checkpoint."""
    with serve(checkpoint.parent) as server:
        yield server.url


def run(*arguments: object) -> Result:
    return CliRunner().invoke(zoo, [str(argument) for argument in arguments])


def refusal(result: Result) -> str:
    assert isinstance(result.exception, AsemError), (result.output, result.exception)
    assert "\n" not in str(result.exception)
    return str(result.exception)


def import_er(checkpoint: Path, *more: object, organelle: str = "er", fixation: str = "CF") -> Result:
    return run("import", checkpoint, "--organelle", organelle, "--voxel-size", "5,5,5", "--fixation", fixation, *more)


def test_pull_fetches_converts_and_installs(known: Registry, store: Path, checkpoint: Path, web: str) -> None:
    result = run("pull", "test-lab/7", "--from", web)
    assert result.exit_code == 0, (result.output, result.exception)
    assert "asem segment VOLUME --model test-lab-7" in result.output
    ((organelle, model),) = stored_models()
    assert (organelle, model.id, model.voxel_size_nm) == ("er", "test-lab-7", (4, 4, 4))
    assert [stage.name for stage in model.preprocess] == ["clahe", "scale_linear"]
    assert model.scores == {}
    card = (store / "test-lab-7/README.md").read_text()
    first = card.splitlines()[0]
    assert first.startswith(
        "Wants images after clahe:kernel=128,clip=0.02, which `asem segment` does by itself; trained by"
    )
    assert "on cell 1 and cell 2 (CF, 4 x 4 x 4 nm)" in first
    for expected in (
        "**As published, not measured here.** Means of 20.",
        "| cell 3, naive | not stated | not stated | 0.92 |",
        "the table says 4 nm, the text 5: 4 is taken",
        "Iterations: 90,000 (step counter in the checkpoint)",
        f"{web}/er_7.pt",
        file_sha256(checkpoint),
        "Licence of the weights: not stated",
        "Test et al.",
        "Everything.",
    ):
        assert expected in card
    provenance = yaml.safe_load((store / "test-lab-7/rdf.yaml").read_text())["config"]["asem"]
    assert provenance["checkpoint_sha256"] == file_sha256(checkpoint)
    assert provenance["iterations"] == 90_000
    assert not (store / ".downloads").exists()
    assert run("test", store / "test-lab-7").exit_code == 0
    checkpoint.unlink()
    again = run("pull", "test-lab/7", "--from", web)
    assert again.exit_code == 0
    assert "there is no such file" in refusal(run("pull", "test-lab/7", "--from", web, "--overwrite"))


def test_pull_takes_a_file_and_no_zoo_site(
    known: Registry, store: Path, checkpoint: Path, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "asem_core.training.importing.install_checkpoint", lambda path, *, spec, **_: (path.name, spec.uri)
    )
    from asem_core.training.importing import pull_checkpoint

    pulled: Any = pull_checkpoint(KNOWN, date="2026-01-02", source=f"{web}/er_7.pt")
    assert pulled == ("er_7.pt", f"{web}/er_7.pt")
    pulled = pull_checkpoint(KNOWN, date="2026-01-02", source=str(checkpoint.parent))
    assert pulled == ("er_7.pt", str(checkpoint))
    asked: list[str] = []

    def refuse(uri: str, *_: object, **__: object) -> None:
        asked.append(uri)
        raise ModelError("stop")

    monkeypatch.setattr("asem_core.training.importing.download", refuse)
    monkeypatch.setenv("ASEM_ZOO", web)
    refusal(run("pull", "test-lab/7"))
    assert asked == [KNOWN.uri]
    assert "unknown published checkpoint 'test-lab/8'; installed: test-lab/7" in refusal(run("pull", "test-lab/8"))


def test_import_of_a_checkpoint_that_nobody_registered(known: Registry, store: Path, checkpoint: Path) -> None:
    other = checkpoint.rename(checkpoint.with_name("mine.pt"))
    result = import_er(other, "--id", "mine", "--normalise", "none", "-o", store.parent / "package")
    assert result.exit_code == 0, (result.output, result.exception)
    assert not store.exists()
    model = read_manifest(store.parent / "package")
    assert (model.id, model.voxel_size_nm) == ("mine", (5, 5, 5))
    assert [stage.name for stage in model.preprocess] == ["scale_linear"]
    assert model.trained_on.startswith("trained with the published ASEM program; by whom and on what was not stated")
    assert "exists already" in refusal(import_er(other, "-o", store.parent / "package"))


@pytest.mark.parametrize(
    ("options", "more", "said"),
    [
        ({"organelle": "mito"}, [], "file name of test-lab/7, er CF; got mito CF: correct the options"),
        ({"fixation": "HPFS"}, [], "file name of test-lab/7, er CF; got er HPFS"),
        ({"organelle": "golgi"}, [], "unknown organelle 'golgi'; installed: er, mito"),
        ({}, ["--normalise", "clhae"], "unknown preprocessor 'clhae'"),
        ({}, ["--id", "../mine"], "must be letters, digits"),
    ],
)
def test_refusals_leave_nothing(
    known: Registry, store: Path, checkpoint: Path, options: dict[str, str], more: list[str], said: str
) -> None:
    assert said in refusal(import_er(checkpoint, *more, **options))
    assert not stored_models()


def test_another_network_under_a_published_name(known: Registry, store: Path, checkpoint: Path, tmp_path: Path) -> None:
    from asem_core.training.importing import import_checkpoint

    with pytest.raises(ModelError, match="holds a network of base 2, test-lab/7 is one of base 32: it is another"):
        import_checkpoint(checkpoint, tmp_path / "out", spec=attrs.evolve(KNOWN, base=32), date="2026-01-02")
    assert not (tmp_path / "out").exists()


def test_what_is_said_overrides_what_is_registered(known: Registry) -> None:
    spec = describe_checkpoint(
        Path("er_7.pt"),
        organelle="er",
        voxel_size_nm=(5, 5, 5),
        fixation="CF",
        registry=known,
        normalise=(StageRef(name="equalize_histogram"),),
    )
    assert spec.voxel_size_nm == (5, 5, 5)
    assert spec.claims[-1] == "registered with voxels of (4, 4, 4) nm, imported for (5, 5, 5) nm on request"
    assert checkpoint_card(spec).trained_on.startswith("wants images after equalize_histogram, which")


def test_without_torch_one_line_says_what_to_install(
    known: Registry, store: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "asem_core.training.importing", None)
    for result in (import_er(checkpoint), run("pull", "test-lab/7")):
        assert "pip install 'asem-core[train]'" in refusal(result)
