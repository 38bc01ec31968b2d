"""Every verb that writes something else than a volume x what may be in the way: refused in one line, nothing touched.

A table of verbs, each with what it reads, and of situations. Verbs that write volumes have a table of their own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
import pytest
import tifffile
import yaml
from click.testing import CliRunner

from asem_core.cli.main import command_line
from asem_core.errors import AsemError
from asem_core.geometry import VoxelSize
from asem_core.registry import Registry
from asem_core.volume.formats.ome_write import ArrayPlan, build_pyramid, create_ome_zarr
from asem_core.volume.output import held
from asem_core.volume.unfinished import Unfinished, mark_unfinished

torch = pytest.importorskip("torch", reason="training and packaging need torch: pip install 'asem-core[train]'")

Cli = tuple[click.Group, Registry]
SHAPE = (20, 24, 28)
CARD = {
    "title": "Toy mitochondria", "description": "A toy.", "trained_on": "trained on nothing", "data": ["none"],
    "licence": "CC0", "licence_spdx": "CC0-1.0", "split": "none", "known_failures": ["everything"],
    "citation": [{"text": "Toy", "url": "https://example.org"}], "authors": ["A. Toy"], "tags": ["3d"],
}  # fmt: skip
RECIPE = {
    "organelle": "mito", "voxel_size_nm": [10, 10, 10], "preset": "fast", "base": 2, "normalise": False,
    "training": [{"raw": "raw.zarr", "labels": "labels.zarr", "mask": "mask.zarr"}],
    "phases": [{"iterations": 1, "side": 16, "padded": True}],
    "sampling": {"min_foreground": 0.0, "keep_without": 1.0, "min_inside": 0.0},
}  # fmt: skip


@attrs.frozen(kw_only=True)
class Writer:
    """A verb that writes; words of its command that are names in the world stand for paths there."""

    words: str
    reads: Sequence[str]
    suffix: str = ""
    """Of what it writes; empty: a folder."""
    shared: bool = False
    """Whether it adds files to the folder, which may hold inputs and other things."""
    overwrite: bool = True
    """Whether it has the option."""
    foreign: str = ""
    """Where it is shared: a file that it would replace."""
    slow: bool = False
    """Whether the undisturbed run takes more than ten seconds."""
    computes: bool = True
    """Whether the run itself is tried too: not where it needs a trained network, which is slow here."""


SCORE = "evaluate labels.zarr labels.zarr --organelle mito --mask mask.zarr"
WRITERS: Mapping[str, Writer] = {
    "analyze": Writer(words="analyze objects labels.zarr --no-skeleton -o OUT", reads=["labels.zarr"]),
    "report": Writer(words="report analysis -o OUT", reads=["analysis", "labels.zarr"], suffix=".html"),
    "evaluate --figures": Writer(
        words=f"{SCORE} --raw raw.zarr --figures OUT", reads=["labels.zarr", "raw.zarr", "mask.zarr"], shared=True,
        overwrite=False, foreign="mito_evaluation_z0010.png",
    ),
    "evaluate --objects-table": Writer(
        words=f"{SCORE} --objects --objects-table OUT", reads=["labels.zarr", "mask.zarr"], suffix=".csv",
        overwrite=False,
    ),
    "segment --figures": Writer(
        words="segment raw.zarr --organelle mito --mask mask.zarr -o FRESH/s.zarr --figures OUT",
        reads=["raw.zarr", "mask.zarr"], shared=True, overwrite=False, foreign="mito_segmentation_z0010.png",
        computes=False,
    ),
    "mask --preview": Writer(
        words="mask raw.zarr -o FRESH/m.zarr --min-object 1 --preview OUT", reads=["raw.zarr"],
        suffix=".png", overwrite=False,
    ),
    "preprocess --preview": Writer(
        words="preprocess raw.zarr -o FRESH/p.zarr --stage clahe:kernel=8 --preview OUT", reads=["raw.zarr"],
        suffix=".png", overwrite=False,
    ),
    "preprocess --statistics": Writer(
        words="preprocess raw.zarr -o FRESH/p.zarr --stage percentile_rescale --statistics OUT", reads=["raw.zarr"],
        suffix=".npz", overwrite=False,
    ),
    "labels cosem --figure": Writer(
        words="labels cosem labels.zarr --raw raw.zarr --organelle mito --classes 1 -o FRESH/c.zarr --figure OUT",
        reads=["labels.zarr", "raw.zarr"], suffix=".png", overwrite=False,
    ),
    "train": Writer(
        words="train recipe.yaml --data . --device cpu -o OUT",
        reads=["raw.zarr", "labels.zarr", "mask.zarr", "recipe.yaml"],
    ),
    "zoo package": Writer(
        words="zoo package run -o OUT --organelle mito --id toy-10nm --card card.yaml --sample sample.tif "
        "--voxel-size 10,10,10",
        reads=["run", "card.yaml", "sample.tif"], slow=True,
    ),
    "zoo import": Writer(
        words="zoo import published.pt --organelle mito --voxel-size 10,10,10 --fixation CF -o OUT",
        reads=["published.pt"], slow=True,
    ),
    "zoo export": Writer(words="zoo export ./package OUT", reads=["package"], suffix=".zip"),
    "zoo build": Writer(words="zoo build OUT --model mito-10nm", reads=[]),
    "simulate": Writer(
        words="simulate OUT --preset cf --shape 16,16,16 --diameter 3", reads=[], suffix=".zarr", slow=True
    ),
    "demo": Writer(words="demo -o OUT", reads=[], shared=True, foreign="cell.zarr", computes=False),
}  # fmt: skip
every_writer = pytest.mark.parametrize("name", WRITERS)
every_run = pytest.mark.parametrize("name", [name for name, writer in WRITERS.items() if writer.computes])
every_reader = pytest.mark.parametrize("name", [name for name, writer in WRITERS.items() if writer.reads])


@pytest.fixture(scope="module")
def cli() -> Cli:
    return command_line()


def write_zarr(path: Path, values: np.ndarray[Any, Any], *, labels: bool = False) -> None:
    image = ArrayPlan(
        shape=values.shape, dtype=str(values.dtype), chunk=(16, 16, 16), reduction="mode" if labels else "mean"
    )
    output = create_ome_zarr(
        path,
        image=image,
        labels={"mito": image} if labels else {},
        voxel_size=VoxelSize((10, 10, 10)),
        lower_edge_nm=(0.0, 0.0, 0.0),
        provenance={},
    )
    for array in (output.image, *output.labels.values()):
        array[:] = values
    build_pyramid(output)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, root: Path, cli: Cli) -> Path:
    """A folder with one of everything that a verb reads."""
    from asem_core.training.recipe import load_recipe
    from asem_core.training.run import write_recipe
    from asem_core.training.unet import UNet

    folder = tmp_path_factory.mktemp("world")
    image = np.random.default_rng(0).integers(20, 200, SHAPE).astype(np.uint8)
    truth = np.zeros(SHAPE, np.uint8)
    truth[4:14, 6:18, 8:20] = 1
    write_zarr(folder / "raw.zarr", image)
    write_zarr(folder / "labels.zarr", truth, labels=True)
    write_zarr(folder / "mask.zarr", np.ones(SHAPE, np.uint8), labels=True)
    (folder / "sections").mkdir()
    for z, section in enumerate(image):
        tifffile.imwrite(folder / "sections" / f"s_{z:03d}.tif", section)
    sample = np.random.default_rng(1).integers(0, 256, (160, 160, 160)).astype(np.uint8)
    tifffile.imwrite(folder / "sample.tif", sample, photometric="minisblack")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    (folder / "card.yaml").write_text(yaml.safe_dump(CARD))
    torch.manual_seed(0)
    network = UNet(2)
    with torch.no_grad():
        network.final_conv_pass.conv_pass[0].weight *= 30  # so that the test output has both classes
    torch.save({"model_state_dict": network.state_dict()}, folder / "published.pt")
    (folder / "run").mkdir()
    torch.save(network.state_dict(), folder / "run" / "weights.pt")
    write_recipe(folder / "run", load_recipe(folder / "recipe.yaml"))
    (folder / "run" / "log.jsonl").write_text('{"kind": "train", "iteration": 1}\n')
    shutil.copytree(root / "plugins/organelles/mito/asem_organelle_mito/models/mito_10nm", folder / "package")
    made = run(cli, folder, "analyze objects labels.zarr --no-skeleton -o analysis")
    assert made.exit_code == 0, made.exception
    return folder


@pytest.fixture(autouse=True)
def small_cubes(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(*_: object) -> None:
        raise ImportError

    monkeypatch.setattr("asem_core.zoo.write.parity.run_openvino", not_installed)


def run(cli: Cli, world: Path, words: str, **places: Path) -> Any:
    """The command ``words`` in ``world``."""
    for word, place in places.items():
        words = words.replace(word, str(place))
    before = Path.cwd()
    os.chdir(world)
    try:
        return CliRunner().invoke(cli[0], words.split(), obj=cli[1])
    finally:
        os.chdir(before)


def state(folder: Path) -> dict[str, str]:
    """Every file of ``folder`` with its digest, every link with where it leads."""
    return {
        str(path.relative_to(folder)): (
            os.readlink(path) if path.is_symlink()
            else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        )
        for path in sorted(folder.rglob("*"))
    }  # fmt: skip


def refusal(result: Any) -> str:
    """The line that was printed, and that it is one, with exit code 2."""
    assert result.exit_code != 0, result.output
    if isinstance(result.exception, SystemExit):  # click's own
        assert result.exit_code == 2
        return str(result.output)
    assert isinstance(result.exception, AsemError), repr(result.exception)
    assert result.exception.exit_code == 2
    assert "\n" not in str(result.exception)
    return str(result.exception)


IN_AN_INPUT = "what is written would lie in, or replace, what is read"
NOT_OURS = ("is not replaced", "is not used: it holds other things", "exists already", "name it NAME", "no statistics",
            "is a directory", "is a file", "cannot be read")  # fmt: skip


@every_reader
@pytest.mark.parametrize("way", ["itself", "inside", "through a link", "with ..", "round it"])
def test_inputs_are_never_written_to(cli: Cli, world: Path, tmp_path: Path, name: str, way: str) -> None:
    writer, before = WRITERS[name], state(world)
    for read in writer.reads:
        given = world / read
        if way == "round it":
            if writer.shared or name == "zoo export":  # files that are added to a folder may lie beside what is read
                return
            out = world
        elif way == "with ..":
            out = world / "sections" / ".." / read / f"new{writer.suffix}"
        elif way == "through a link":
            link = tmp_path / f"link_{read}"
            link.symlink_to(given)
            out = link / f"new{writer.suffix}"
        else:
            out = given if way == "itself" else given / f"new{writer.suffix}"
        if name == "report" and read == "analysis" and out.name == "new.html":
            continue  # a page may lie beside the tables that it shows
        for option in ["", *([" --overwrite"] if writer.overwrite else [])]:
            said = refusal(run(cli, world, writer.words + option, OUT=out, FRESH=tmp_path / "fresh"))
            assert IN_AN_INPUT in said or any(text in said for text in NOT_OURS), said
            assert state(world) == before
            assert not (tmp_path / "fresh").exists(), "refused before the first byte"


@every_writer
def test_what_is_not_ours_stays(cli: Cli, world: Path, tmp_path: Path, name: str) -> None:
    writer, before = WRITERS[name], state(world)
    out = tmp_path / f"out{writer.suffix}"
    mine = out if writer.suffix and writer.suffix != ".zarr" else out / (writer.foreign or "thesis.tex")
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    here = state(tmp_path)
    for option in ["", *([" --overwrite"] if writer.overwrite else [])]:
        said = refusal(run(cli, world, writer.words + option, OUT=out, FRESH=tmp_path / "fresh"))
        assert any(text in said for text in NOT_OURS), said
        assert mine.read_text() == "mine"
        assert state(tmp_path) == here
        assert state(world) == before


@every_run
def test_a_second_process_is_refused(cli: Cli, world: Path, tmp_path: Path, name: str) -> None:
    writer = WRITERS[name]
    out = tmp_path / f"out{writer.suffix}"
    with held(out / writer.foreign if writer.shared else out):
        said = refusal(run(cli, world, writer.words, OUT=out, FRESH=tmp_path / "fresh"))
    assert "is being written by another process" in said
    assert not out.exists() or not list(out.glob("*"))


@every_writer
def test_a_folder_that_cannot_be_written(
    cli: Cli, world: Path, tmp_path: Path, limited: Callable[..., Path], name: str
) -> None:
    writer, folder = WRITERS[name], limited("ro")
    for out in (folder / f"out{writer.suffix}", folder / "new" / f"out{writer.suffix}"):
        said = refusal(run(cli, world, writer.words, OUT=out, FRESH=tmp_path / "fresh"))
        assert f"no permission to write in {folder}" in said
        assert not (tmp_path / "fresh").exists()


@every_writer
def test_a_link_to_nothing(cli: Cli, world: Path, tmp_path: Path, name: str) -> None:
    writer, link = WRITERS[name], tmp_path / f"link{WRITERS[name].suffix}"
    link.symlink_to(tmp_path / "unmounted" / "disk")
    for out in (link, link / f"out{writer.suffix}"):
        said = refusal(run(cli, world, writer.words, OUT=out, FRESH=tmp_path / "fresh"))
        assert "which does not exist" in said
        assert sorted(path.name for path in tmp_path.iterdir()) == [link.name]


@every_run
def test_a_full_disk(cli: Cli, world: Path, tmp_path: Path, limited: Callable[..., Path], name: str) -> None:
    writer = WRITERS[name]
    folder, before = limited("size=64k"), state(world)
    with pytest.raises(OSError, match="No space left"):
        (folder / "film.mov").write_bytes(bytes(2**20))
    said = refusal(run(cli, world, writer.words, OUT=folder / f"out{writer.suffix}", FRESH=tmp_path / "fresh"))
    assert "no space left on the disk" in said or "are needed; make room" in said, said
    assert state(world) == before


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if writer.slow else [])
        for name, writer in WRITERS.items()
        if writer.computes
    ],
)
def test_folders_above_are_made_and_ours_is_replaced(
    cli: Cli, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    writer, before = WRITERS[name], state(world)
    monkeypatch.setenv("HOME", str(tmp_path))
    words = writer.words.replace("OUT", f"~/a/b/out{writer.suffix}")
    for option in ["", *([" --overwrite"] if writer.overwrite else [])]:
        if option:  # what a kill -9 leaves
            for left in ("lock", *(["partial"] if name != "train" else [])):
                (tmp_path / "a" / "b" / f".out{writer.suffix}.{left}").touch()
        made = run(cli, world, words + option, FRESH=tmp_path / "fresh")
        assert made.exit_code == 0, (made.output, made.exception)
        assert (tmp_path / "a" / "b" / f"out{writer.suffix}").exists()
        hidden = [path for path in (tmp_path / "a").rglob(".*") if path.name != ".asem-contents.json"]
        assert not [path for path in hidden if path.suffix in (".partial", ".lock", ".old", ".work")]
    assert state(world) == before


@pytest.mark.parametrize("options", ["ro", "size=64k"])
def test_a_store_that_cannot_be_written(
    cli: Cli,
    world: Path,
    limited: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    options: str,
) -> None:
    folder = limited(options)
    monkeypatch.setenv("ASEM_MODELS", str(folder / "models"))
    words = WRITERS["zoo import"].words.replace(" -o OUT", "")
    said = refusal(run(cli, world, words))
    assert any(text in said for text in ("make room", "no space left on the disk", "Read-only file system")), said
    assert not list(folder.rglob("*.onnx"))


def test_unfinished_volumes_are_read_only_when_asked(cli: Cli, world: Path, tmp_path: Path) -> None:
    shutil.copytree(world / "labels.zarr", tmp_path / "half.zarr")
    mark_unfinished(tmp_path / "half.zarr", Unfinished(command="asem labels prepare ...", fingerprint="f"))
    half = f"{tmp_path}/half.zarr"
    verbs = {
        f"info {half}": True,
        f"convert {half} {tmp_path}/copy.zarr": True,
        f"evaluate {half} labels.zarr --organelle mito": True,
        f"evaluate labels.zarr {half} --organelle mito": True,
        f"evaluate labels.zarr labels.zarr --organelle mito --mask {half}": True,
        f"analyze objects {half} --no-skeleton -o {tmp_path}/analysis": True,
        f"mask {half} -o {tmp_path}/mask.zarr": False,
        f"preprocess {half} -o {tmp_path}/p.zarr --stage clahe": False,
        f"labels prepare {half} --organelle mito -o {tmp_path}/l.zarr": False,
        f"segment {half} --organelle mito -o {tmp_path}/s.zarr": False,
        f"instances {half} --organelle mito -o {tmp_path}/i.zarr": False,
    }
    for words, has_option in verbs.items():
        said = refusal(run(cli, world, words))
        assert "is unfinished" in said, words
        assert "finish it with: asem labels prepare ..." in said
        looked = run(cli, world, f"{words} --allow-unfinished")
        assert looked.exit_code == (0 if has_option else 2), (words, looked.output, looked.exception)
        assert (" is unfinished" in looked.output) == (has_option and not words.startswith("analyze")), words
    recipe = {**RECIPE, "training": [{"raw": "raw.zarr", "labels": half}]}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    said = refusal(run(cli, world, f"train {tmp_path}/recipe.yaml --data . --device cpu -o {tmp_path}/run"))
    assert "is unfinished" in said
    assert not (tmp_path / "run").exists()
