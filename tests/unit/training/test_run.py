"""The folder of a training run: what may be trained in, what is discarded, and what a kill -9 leaves."""

from __future__ import annotations

import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
import zarr

from asem_core import Registry
from asem_core.errors import ModelError, OrganelleError, OutputError
from asem_core.organelles import new_organelle, organelle_text
from asem_core.training.loop import train
from asem_core.training.recipe import load_recipe
from asem_core.training.run import CARD, CHECKPOINT, CURVES, EVENTS, LOG, RECIPE, WEIGHTS, check_run, organelle_of_run
from asem_core.volume.output import held
from asem_core.zoo.files import MOMENTS_NAME
from asem_core.zoo.write.card import load_card

from ...processes import PROCESSES

CARD_VALUES = {
    "title": "Toy mitochondria", "description": "A toy.", "trained_on": "trained on nothing", "data": ["none"],
    "licence": "CC0", "split": "none", "known_failures": ["everything"], "authors": ["A. Toy"],
    "citation": [{"text": "Toy", "url": "https://example.org"}],
}  # fmt: skip
VALUES: dict[str, Any] = {
    "organelle": "mito", "voxel_size_nm": [10, 10, 10], "preset": "fast", "seed": 5, "base": 2, "normalise": True,
    "settle_blocks": 0, "training": [{"raw": "cell.zarr", "labels": "cell.zarr"}],
    "phases": [{"iterations": 60, "side": 16, "padded": True}], "checkpoint_every": 3,
    "sampling": {"min_foreground": 0.0, "keep_without": 1.0, "min_inside": 0.0},
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    image = np.random.default_rng(0).integers(0, 256, (24, 26, 28)).astype(np.uint8)
    root = zarr.create_group(folder / "cell.zarr", zarr_format=2)
    for name, values in {"raw": image, "labels/mito": (image > 128).astype(np.uint8)}.items():
        array = root.create_array(f"volumes/{name}", data=values, chunks=(16, 16, 16))
        array.attrs.update({"resolution": [10, 10, 10], "offset": [0, 0, 0]})
    (folder / "recipe.yaml").write_text(yaml.safe_dump(VALUES))
    (folder / "short.yaml").write_text(yaml.safe_dump({**VALUES, "phases": [{**VALUES["phases"][0], "iterations": 2}]}))
    return folder


def short(data: Path, output: Path, registry: Registry, **options: Any) -> None:
    train(data / "short.yaml", output, data_folder=data, registry=registry, device="cpu", **options)


def test_only_the_run_is_discarded(data: Path, tmp_path: Path, registry: Registry) -> None:
    output = tmp_path / "new" / "run"
    short(data, output, registry)
    (output / "notes.txt").write_text("mine")
    (output / EVENTS / "notes.txt").write_text("mine")
    first = torch.load(output / WEIGHTS, weights_only=True)
    short(data, output, registry, overwrite=True)
    again = torch.load(output / WEIGHTS, weights_only=True)
    assert all(torch.equal(first[name], values) for name, values in again.items())
    assert (output / "notes.txt").read_text() == (output / EVENTS / "notes.txt").read_text() == "mine"
    assert len(list((output / EVENTS).glob("events.*"))) == 1
    assert sorted(path.name for path in output.iterdir()) == sorted(
        [CHECKPOINT, CURVES, EVENTS, LOG, MOMENTS_NAME, RECIPE, WEIGHTS, "notes.txt"]  # too small for grey.json
    )
    assert [path.name for path in output.parent.iterdir()] == ["run"]


def test_what_a_file_describes_is_kept_for_the_package(data: Path, tmp_path: Path, registry: Registry) -> None:
    (data / "mine.yaml").write_text(organelle_text(new_organelle("mito")))
    shorter = {**VALUES, "organelle": "mine.yaml", "phases": [{**VALUES["phases"][0], "iterations": 1}]}
    (data / "described.yaml").write_text(yaml.safe_dump(shorter))
    output, card = tmp_path / "run", tmp_path / "mine.card.yaml"
    options: Any = {"data_folder": data, "registry": registry, "device": "cpu", "card": card}
    card.write_text("title: Mine")
    with pytest.raises(ModelError, match=r"mine\.card\.yaml: required field missing @ card\.description"):
        train(data / "described.yaml", output, **options)
    assert not output.exists(), "checked before the training"
    card.write_text(yaml.safe_dump(CARD_VALUES))
    train(data / "described.yaml", output, **options)
    assert load_recipe(output / RECIPE).organelle == "mito"
    assert organelle_of_run(output, organelle="mito", registry=registry) == new_organelle("mito")
    assert load_card(output / CARD).title == "Toy mitochondria"
    train(data / "described.yaml", output, **options)
    (data / "mine.yaml").write_text("name: mito")
    with pytest.raises(OrganelleError, match=r"mine\.yaml: required field missing"):
        train(data / "described.yaml", tmp_path / "other", **options)


@pytest.mark.parametrize("name", [RECIPE, LOG, WEIGHTS, CHECKPOINT, EVENTS, "thesis.tex"])
def test_a_folder_of_something_else(data: Path, tmp_path: Path, registry: Registry, name: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("organelle: mine\n")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="holds other things than a training run of ASEM"):
            short(data, tmp_path / "run", registry, overwrite=overwrite)
    assert [path.read_text() for path in (tmp_path / "run").iterdir()] == ["organelle: mine\n"]


def test_a_run_of_an_older_version_goes_on(data: Path, tmp_path: Path, registry: Registry) -> None:
    short(data, tmp_path / "run", registry)
    recipe = tmp_path / "run" / RECIPE
    recipe.write_text(recipe.read_text().split("\n", 1)[1])
    short(data, tmp_path / "run", registry)
    assert recipe.read_text().startswith("# Written by asem train")


@pytest.mark.parametrize("place", ["", "cell.zarr", "cell.zarr/run", "recipe.yaml", "link/run"])
def test_a_run_lies_apart_from_its_data(data: Path, registry: Registry, place: str) -> None:
    link = data / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(data / "cell.zarr" / "volumes")
    before = sorted(data.rglob("*"))
    with pytest.raises(OutputError, match="would lie in, or replace, what is read"):
        train(data / "recipe.yaml", data / place, data_folder=data, registry=registry, device="cpu", overwrite=True)
    assert sorted(data.rglob("*")) == before


def test_one_process_trains_in_a_folder(data: Path, tmp_path: Path, registry: Registry) -> None:
    with held(tmp_path / "run"), pytest.raises(OutputError, match="is being written by another process"):
        short(data, tmp_path / "run", registry)
    assert not list(tmp_path.iterdir())


def test_a_refusal_comes_before_the_first_byte(data: Path, tmp_path: Path, registry: Registry) -> None:
    from asem_core.errors import VolumeError

    with pytest.raises(VolumeError):
        train(data / "recipe.yaml", tmp_path / "new" / "run", data_folder=tmp_path, registry=registry, device="cpu")
    assert not list(tmp_path.iterdir())
    assert check_run(tmp_path / "run", inputs=[data]) == tmp_path / "run"


@pytest.mark.slow
def test_a_kill_9_changes_no_weight(data: Path, tmp_path: Path) -> None:
    def start(output: Path) -> BaseProcess:
        options = {"data_folder": data, "device": "cpu"}
        process = PROCESSES.Process(target=train, args=(data / "recipe.yaml", output), kwargs=options)
        process.start()
        return process

    def end(process: BaseProcess) -> int | None:
        process.join()
        return process.exitcode

    assert end(start(tmp_path / "whole")) == 0
    killed = 0
    for lines in (1, 8, 31):
        process = start(tmp_path / "killed")
        log = tmp_path / "killed" / LOG
        while process.is_alive() and not (log.exists() and log.read_bytes().count(b"\n") >= lines):
            time.sleep(0.005)
        process.kill()
        killed += end(process) == -signal.SIGKILL
    assert killed, "nothing was killed: make the run longer"
    assert end(start(tmp_path / "killed")) == 0
    whole, again = (torch.load(tmp_path / name / WEIGHTS, weights_only=True) for name in ("whole", "killed"))
    assert all(torch.equal(values, again[name]) for name, values in whole.items())
    assert (tmp_path / "whole" / LOG).read_text().count("\n") == (tmp_path / "killed" / LOG).read_text().count("\n")
