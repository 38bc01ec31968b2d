"""A project: what is made, what is not made again, and what a failure stops."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest
import yaml
import zarr
from click.testing import CliRunner

from asem_core.cli.run import run as command
from asem_core.errors import ModelError, OutputError, PluginError, ProjectError
from asem_core.plugins import PluginRecord
from asem_core.project import read_project, run_project
from asem_core.registry import Entry, Names, Registry
from asem_core.specs import StageRef
from asem_core.volume.output import held

from ...jobs import contents
from ..analysis.toy import OUTPUTS

TOY_ANALYSIS = f"{__name__.rpartition('.project')[0]}.analysis.toy"
ANALYSIS = {"analysis": "objects", "of": "toy", "params": {"skeleton": False}}


@pytest.fixture
def toys(registry: Registry, toy: Any) -> Registry:
    """A registry that knows the toy organelle."""
    entry = Entry(spec=toy.organelle, plugin=PluginRecord(name="toy", distribution="asem-toy", version="2"))
    registry.__dict__["organelles"] = Names(kind="organelle", entries={"toy": entry})
    return registry


@pytest.fixture
def plan(tmp_path: Path, tissue: Any) -> dict[str, Any]:
    """A project of two volumes, one with ground truth, which lie beside its file."""
    tissue = tissue[:40, :48, :56]
    for name, image in {"one": tissue, "two": tissue[::-1]}.items():
        zarr.create_array(tmp_path / f"{name}.zarr", data=image).attrs["resolution"] = [10, 10, 10]
    truth = zarr.create_array(tmp_path / "truth.zarr", data=(tissue > 128).astype(np.uint8))
    truth.attrs["resolution"] = [10, 10, 10]
    return {
        "volumes": {"one": {"raw": "one.zarr", "labels": "truth.zarr"}, "two": {"raw": "two.zarr"}},
        "organelles": {"toy": {"instances": True}},
        "analyses": [ANALYSIS],
    }


def write(folder: Path, plan: dict[str, Any]) -> Path:
    (folder / "project.yaml").write_text(yaml.safe_dump(plan))
    return folder / "project.yaml"


def states(ran: Any) -> dict[str, str]:
    return {f"{result.step.volume} {result.step.name}": result.state for result in ran.results}


def test_the_disk_for_all_volumes_is_looked_at_before_the_first_is_begun(
    tmp_path: Path, plan: dict[str, Any], toys: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan["volumes"]["two"]["roi"] = "0:20,0:48,0:56"
    plan["volumes"]["gone"] = {"raw": "gone.zarr"}
    plan |= {"convert": {"resample_nm": [20, 10, 10]}, "mask": {}}
    voxels = (40 + 20) // 2 * 48 * 56
    needed = int(voxels * 8 / 7 * (1 + 1 + 2 + 5))  # raw, mask, probability and label, probability and ids
    monkeypatch.setattr("asem_core.volume.output.shutil.disk_usage", lambda _: SimpleNamespace(free=needed // 2))
    said: list[int] = []
    with pytest.raises(OutputError, match=r"results: the disk has .* left, up to .* are needed; make room, or take"):
        run_project(write(tmp_path, plan), registry=toys, planned=said.append)
    assert not (tmp_path / "results").exists()
    monkeypatch.undo()
    ran = run_project(write(tmp_path, plan), registry=toys, planned=said.append)
    assert states(ran)["gone open"] == "failed"
    run_project(write(tmp_path, plan), registry=toys, planned=said.append)
    assert said == [pytest.approx(needed, abs=2), 0]
    chunks = (path for path in (tmp_path / "results").rglob("[0-9]*") if path.is_file())
    assert sum(path.stat().st_size for path in chunks) <= needed, "it is an upper bound"


def rows(ran: Any) -> list[dict[str, str]]:
    with ran.summary.open(newline="") as file:
        return list(csv.DictReader(file))


STEPS = ["one segment toy", "one instances toy", "one evaluate toy", "one analyze toy-objects",
         "two segment toy", "two instances toy", "two analyze toy-objects"]  # fmt: skip


def test_all_is_made_once(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    project = write(tmp_path, plan)
    first = run_project(project, registry=toys)
    assert states(first) == dict.fromkeys(STEPS, "done")
    assert not first.failed
    assert first.report is not None
    assert first.report.stat().st_size > 10_000
    one, two = rows(first)
    assert (one["volume"], two["volume"], one["organelle"], one["model"]) == ("one", "two", "toy", "toy-10nm")
    assert 0 < float(one["F1 without zone"]) < 1
    assert two["F1 without zone"] == ""
    assert int(one["objects"]) == int(one["rows of objects"]) > 0
    again = run_project(project, registry=toys)
    assert states(again) == dict.fromkeys(STEPS, "unchanged")
    assert rows(again) == rows(first)


def test_a_change_makes_what_depends_on_it(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    run_project(write(tmp_path, plan), registry=toys)
    plan["volumes"]["one"]["grey"] = "0:200"
    found = states(run_project(write(tmp_path, plan), registry=toys))
    assert found == {step: "done" if step.startswith("one") else "unchanged" for step in STEPS}
    plan["analyses"] = [{**ANALYSIS, "params": {"skeleton": False, "contact_nm": 40}}]
    found = states(run_project(write(tmp_path, plan), registry=toys))
    assert found == {step: "done" if "analyze" in step else "unchanged" for step in STEPS}


def test_the_page_shows_what_is_in_the_project_now(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    both = run_project(write(tmp_path, plan), registry=toys).report
    assert both is not None
    assert "two/toy-objects" in both.read_text()
    del plan["volumes"]["two"]
    alone = run_project(write(tmp_path, plan), registry=toys)
    assert set(states(alone).values()) == {"unchanged"}
    assert both == alone.report
    assert "two/toy-objects" not in both.read_text()


def test_cells_of_two_conditions_are_compared(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    plan["volumes"]["one"]["condition"], plan["volumes"]["two"]["condition"] = "fed", "starved"
    page = run_project(write(tmp_path, plan), registry=toys).report
    assert page is not None
    text = page.read_text()
    assert "Comparison of toy-objects" in text
    assert "No inference is made" in text
    with (page.parent / "report-files" / "toy-objects-cells.csv").open(newline="") as file:
        cells = {(row["condition"], row["cell"]) for row in csv.DictReader(file)}
    assert cells == {("fed", "one"), ("starved", "two")}
    del plan["volumes"]["two"]["condition"]
    again = run_project(write(tmp_path, plan), registry=toys).report
    assert again is not None
    assert "Comparison of" not in again.read_text()
    plan["volumes"]["two"]["cell"] = "one"
    with pytest.raises(ProjectError, match="the cell one is of the conditions fed and None"):
        read_project(write(tmp_path, plan))


def test_other_labels_are_scored_again(tmp_path: Path, plan: dict[str, Any], toys: Registry, tissue: Any) -> None:
    before = rows(run_project(write(tmp_path, plan), registry=toys))
    truth = zarr.create_array(tmp_path / "truth.zarr", data=np.uint8(tissue[:40, :48, :56] > 140), overwrite=True)
    truth.attrs["resolution"] = [10, 10, 10]
    ran = run_project(write(tmp_path, plan), registry=toys)
    assert [step for step, state in states(ran).items() if state == "done"] == ["one evaluate toy"]
    assert rows(ran)[0]["F1 without zone"] != before[0]["F1 without zone"]


def test_what_was_lost_is_made_again(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    ran = run_project(write(tmp_path, plan), registry=toys)
    (ran.folder / "one" / "toy-evaluation.json").unlink()
    chunk = next(path for path in (ran.folder / "two" / "toy.zarr" / "0").rglob("*") if path.is_file()
                 and not path.name.startswith("."))  # fmt: skip
    chunk.write_bytes(b"")
    found = states(run_project(write(tmp_path, plan), registry=toys))
    assert found["one evaluate toy"] == found["two segment toy"] == "done"
    assert found["one segment toy"] == found["one analyze toy-objects"] == "unchanged"


def test_a_volume_that_fails_stops_no_other(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    plan["volumes"] = {"gone": {"raw": "gone.zarr"}, **plan["volumes"]}
    ran = run_project(write(tmp_path, plan), registry=toys)
    assert {step: states(ran)[step] for step in STEPS} == dict.fromkeys(STEPS, "done")
    gone = [result for result in ran.results if result.step.volume == "gone"]
    assert [result.state for result in gone] == ["failed", "left out", "left out", "left out"]
    assert "gone.zarr: there is no such file" in str(gone[0])
    assert rows(ran)[0]["failed"].startswith("open; segment toy")


def test_organelles_are_segmented_in_one_pass(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    plan["volumes"] = {"one": {"raw": "one.zarr"}}
    plan |= {"organelles": {"toy": {}, "again": {"organelle": "toy"}}, "analyses": []}
    sweeps: set[str] = set()
    project = write(tmp_path, plan)
    ran = run_project(project, registry=toys, progress=lambda sweep, *_: sweeps.add(sweep))
    assert states(ran) == {"one segment again": "done", "one segment toy": "done"}
    assert {sweep for sweep in sweeps if sweep.endswith(": predict")} == {"one, segment again: predict"}
    first, second = (contents(ran.folder / "one" / f"{name}.zarr") for name in ("again", "toy"))
    assert {name for name in first if first[name] != second.get(name)} == {".zattrs"}  # which has its name
    assert set(states(run_project(project, registry=toys)).values()) == {"unchanged"}


def test_an_organelle_that_cannot_be_segmented_stops_no_other(
    tmp_path: Path, plan: dict[str, Any], toys: Registry
) -> None:
    plan["volumes"] = {"one": {"raw": "one.zarr"}}
    plan |= {"organelles": {"gone": {"organelle": "toy", "adapt": 1.0}, "toy": {}}, "analyses": []}
    ran = run_project(write(tmp_path, plan), registry=toys)
    assert states(ran) == {"one segment gone": "failed", "one segment toy": "done"}
    assert "moments" in str(ran.failed[0])


def test_a_step_that_fails_stops_what_needs_it(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    plan["volumes"]["one"]["roi"] = "0:900,0:50,0:50"
    found = states(run_project(write(tmp_path, plan), registry=toys))
    assert found["one segment toy"] == "failed"
    assert [found[step] for step in STEPS[1:4]] == ["left out"] * 3
    assert all(found[step] == "done" for step in STEPS[4:])


def test_conversion_mask_and_part(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    plan["volumes"] = {"one": {"raw": "one.zarr", "roi": "0:40,0:48,0:40"}}
    plan |= {"convert": {"resample_nm": [20, 20, 20]}, "mask": {"min_object": 0}, "analyses": []}
    ran = run_project(write(tmp_path, plan), registry=toys)
    assert list(states(ran)) == ["one convert", "one mask", "one segment toy", "one instances toy"]
    assert not ran.failed
    assert ran.report is None
    assert zarr.open_array(ran.folder / "one" / "toy.zarr" / "0").shape == (20, 24, 20)
    assert 0 < float(rows(ran)[0]["cell"]) <= 1


def test_relative_addresses_start_at_the_file(
    tmp_path: Path, plan: dict[str, Any], toys: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    plan["organelles"], plan["analyses"] = {"toy": {}}, []
    ran = run_project(write(tmp_path, plan), registry=toys)
    assert not ran.failed
    assert ran.folder == tmp_path / "results"
    monkeypatch.chdir(tmp_path)
    for again in (
        run_project("elsewhere/../project.yaml", registry=toys),
        run_project(read_project("project.yaml"), base="elsewhere/..", registry=toys),
    ):
        assert set(states(again).values()) == {"unchanged"}


def test_results_may_lie_in_the_home_folder(
    tmp_path: Path, plan: dict[str, Any], toys: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    plan |= {"output": "~/cells", "volumes": {"gone": {"raw": "gone.zarr"}}, "analyses": []}
    assert run_project(write(tmp_path, plan), registry=toys).folder == tmp_path / "home" / "cells"


def test_files_among_parameters_lie_beside_the_project(
    tmp_path: Path, plan: dict[str, Any], toys: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = toys.analyses.entries["objects"]
    toy = {"fn": f"{TOY_ANALYSIS}:count", "params": f"{TOY_ANALYSIS}:Params", "outputs": OUTPUTS, "report": None}
    entries = {"objects": attrs.evolve(entry, spec=attrs.evolve(entry.spec, **toy))}
    toys.__dict__["analyses"] = Names(kind="analysis", entries=entries)
    monkeypatch.chdir("/")
    (tmp_path / "review.csv").write_text("1,whole\n")
    plan["volumes"] = {"two": plan["volumes"]["two"]}
    plan["organelles"], plan["analyses"] = {"toy": {}}, [{**ANALYSIS, "params": {"review": "review.csv"}}]
    ran = run_project(write(tmp_path, plan), registry=toys)
    about = json.loads((ran.folder / "two" / "toy-objects" / "analysis.json").read_text())
    assert about["params"]["review"] == str(tmp_path / "review.csv")
    for text, state in (("1,whole\n", "unchanged"), ("1,cut\n", "done")):
        (tmp_path / "review.csv").write_text(text)
        ran = run_project(write(tmp_path, plan), registry=toys)
        assert states(ran)["two analyze toy-objects"] == state
    assert ran.report is not None
    (tmp_path / "review.csv").unlink()
    ran = run_project(write(tmp_path, plan), registry=toys)
    (failed,) = ran.failed
    assert f"{tmp_path / 'review.csv'}: cannot be read" in str(failed)
    assert ran.report is None
    assert not list(ran.folder.glob("report*")), "of measurements that the project has no more"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"volumes": {}}, "at least one volume"),
        ({"volumes": {"../up": {"raw": "a.zarr"}}}, "name of a folder"),
        ({"organelles": {"toy": {"modell": 1}}}, "unknown key 'modell'"),
        ({"analyses": [{**ANALYSIS, "of": "tyo"}]}, "is of 'tyo'; the project's organelles: toy"),
        ({"analyses": [ANALYSIS, ANALYSIS]}, "toy-objects is there twice"),
        ({"analyses": "objects"}, "expected a list"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, plan: dict[str, Any], change: dict[str, Any], said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        read_project(write(tmp_path, plan | change))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"project\.yaml: there is no such file"):
        read_project(tmp_path / "project.yaml")


def test_what_is_not_installed_is_told_before_anything_is_made(
    tmp_path: Path, plan: dict[str, Any], toys: Registry
) -> None:
    plan["analyses"] = [{**ANALYSIS, "analysis": "objets"}]
    with pytest.raises(PluginError, match=r"unknown analysis 'objets'.* pip install asem-analysis-objets"):
        run_project(write(tmp_path, plan), registry=toys)
    plan["analyses"], plan["organelles"] = [], {"golgi": {}}
    with pytest.raises(PluginError, match="unknown organelle 'golgi'"):
        run_project(write(tmp_path, plan), registry=toys)
    plan["organelles"] = {"toy": {"model": "nowhere"}}
    with pytest.raises(ModelError, match="nowhere"):
        run_project(write(tmp_path, plan), registry=toys)
    assert not (tmp_path / "results").exists()


def test_an_analysis_without_what_it_needs(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    entry = toys.analyses.entries["objects"]
    needy = attrs.evolve(entry, spec=attrs.evolve(entry.spec, needs=("cell_mask",), takes=()))
    toys.__dict__["analyses"] = Names(kind="analysis", entries={"objects": needy})
    with pytest.raises(ProjectError, match="needs cell mask, which the project does not give"):
        run_project(write(tmp_path, plan), registry=toys)


def test_a_second_process_is_refused(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    project = write(tmp_path, plan)
    with held(tmp_path / "results"), pytest.raises(OutputError, match="is being written by another process"):
        run_project(project, registry=toys)


def test_the_command(tmp_path: Path, plan: dict[str, Any], toys: Registry) -> None:
    plan["volumes"]["gone"] = {"raw": "gone.zarr"}
    plan["organelles"], plan["analyses"] = {"toy": {}}, []
    found = CliRunner().invoke(command, [str(write(tmp_path, plan)), "--json"], obj=toys)
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    assert {step["state"] for step in told["steps"]} == {"done", "failed", "left out"}
    assert "gone, open: failed: " in found.stderr
    assert "one, segment toy: done in " in found.stderr


def test_the_zone_of_an_organelle_is_part_of_what_a_score_depends_on(
    tmp_path: Path, plan: dict[str, Any], toys: Registry, toy: Any
) -> None:
    run_project(write(tmp_path, plan), registry=toys)
    other = attrs.evolve(toy.organelle, exclusion_zone=StageRef(name="shell", params={"dilate": 2, "erode": 2}))
    entry = Entry(spec=other, plugin=toys.organelles.plugin_of("toy"))
    toys.__dict__["organelles"] = Names(kind="organelle", entries={"toy": entry})
    assert states(run_project(write(tmp_path, plan), registry=toys))["one evaluate toy"] == "done"
