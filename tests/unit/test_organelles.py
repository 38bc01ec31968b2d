"""An organelle from a file: what it says, what is refused, and where it is taken."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import yaml
import zarr
from click.testing import CliRunner

from asem_core import Registry, segment
from asem_core.cli.convert import convert as convert_verb
from asem_core.cli.labels import labels as labels_verb
from asem_core.cli.organelles import organelles as organelles_verb
from asem_core.errors import AsemError, OrganelleError, PluginError
from asem_core.organelles import find_organelle, name_of, new_organelle, organelle_text, read_organelle
from asem_core.specs import OrganelleSpec, StageRef

from ..contracts.toys import plugin, registry_of

SHELL = {"name": "shell", "params": {"dilate": 2, "erode": 2}}
LEAST = {"name": "lysosome", "title": "Lysosomes", "exclusion_zone": SHELL}


def write(path: Path, **values: Any) -> Path:
    path.write_text(yaml.safe_dump({**LEAST, **values}), encoding="utf-8")
    return path


def run(*arguments: Any, command: Any = organelles_verb) -> Any:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_what_a_file_leaves_out_is_that_of_the_spec(tmp_path: Path) -> None:
    zone = StageRef(name="shell", params={"dilate": 2, "erode": 2})
    expected = OrganelleSpec(name="lysosome", title="Lysosomes", exclusion_zone=zone)
    assert read_organelle(write(tmp_path / "o.yaml")) == expected


def test_what_is_written_is_read_again(tmp_path: Path, registry: Registry) -> None:
    everything = OrganelleSpec(
        name="lysosome-ä",
        title="Lysosomes: round",
        cleanup=(StageRef(name="fill_holes", params={"max_voxels": 9}), StageRef(name="remove_small_objects")),
        dilate_voxels=2,
        exclusion_zone=StageRef(name="shell", params={"dilate": 3, "erode": 1}),
        zone_presets={"wide": StageRef(name="shell", params={"dilate": 9, "erode": 9})},
        threshold=0.25,
        instances=False,
        citation="nobody",
    )
    for spec in (everything, new_organelle("lysosome")):
        (tmp_path / "o.yaml").write_text(organelle_text(spec), encoding="utf-8")
        assert find_organelle(tmp_path / "o.yaml", registry) == spec


def test_the_example_of_the_documentation(root: Path, tmp_path: Path, registry: Registry) -> None:
    text = (root / "docs" / "organelles.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "o.yaml").write_text(example, encoding="utf-8")
    assert find_organelle(tmp_path / "o.yaml", registry) == attrs.evolve(new_organelle("lysosome"), title="Lysosomes")
    documented = set(re.findall(r"^\| `(\w+)`", text, flags=re.MULTILINE))
    assert documented == set(yaml.safe_load(example))


def test_a_plugin_may_ship_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "o.yaml", threshold=0.7)
    registry = registry_of(lab=plugin(asem_register_organelles=lambda: [read_organelle(file)]))
    assert registry.organelles["lysosome"].threshold == 0.7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"treshold": 0.6}, r"unknown key 'treshold'; keys: name, title, cleanup, .*citation @ organelle"),
        ({"models": []}, r"unknown key 'models'"),
        ({"threshold": "half"}, r"expected a number, got 'half' @ organelle\.threshold"),
        ({"threshold": 60}, r"threshold must lie between 0 and 1, got 60"),
        ({"title": 5}, r"expected text, got 5 @ organelle\.title"),
        ({"instances": "no"}, r"expected true or false, got 'no' @ organelle\.instances"),
        ({"dilate_voxels": 1.5}, r"expected a whole number, got 1\.5 @ organelle\.dilate_voxels"),
        ({"dilate_voxels": -1}, r"'dilate_voxels' must be >= 0: -1"),
        ({"name": "../mito"}, r"name must be a word .* got '\.\./mito'"),
        ({"name": ".."}, r"name must be a word .* got '\.\.'"),
        ({"name": "a\tb"}, r"name must be a word"),
        ({"cleanup": "fill_holes"}, r"expected a list, got 'fill_holes' @ organelle\.cleanup"),
        ({"cleanup": ["fill_holes"]}, r"expected name, params, got 'fill_holes' @ organelle\.cleanup\[0\]"),
        ({"cleanup": [{"name": "shave"}]}, r"unknown label rule 'shave'; installed: dilate_labels, fill_holes, "),
        ({"cleanup": [{"name": "fill_holes", "params": {"most": 3}}]},
         r"fill_holes has no parameter most; parameters of fill_holes: max_voxels=20000"),
        ({"exclusion_zone": {"name": "ring"}}, r"unknown exclusion zone 'ring'; installed: shell"),
        ({"exclusion_zone": "4,4"}, r"expected name, params, got '4,4' @ organelle\.exclusion_zone"),
        ({"zone_presets": {"wide": {"name": "shell", "params": {"dilate": "far"}}}}, r"shell cannot take dilate=far"),
    ],
)  # fmt: skip
def test_what_does_not_belong_is_named(tmp_path: Path, registry: Registry, change: Any, said: str) -> None:
    file = write(tmp_path / "lysosome.yaml", **change)
    with pytest.raises(OrganelleError, match=rf"lysosome\.yaml: {said}") as refused:
        find_organelle(file, registry)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- mito", "must hold keys and values, got list"),
        ("name: [", "is not YAML"),
        ("name: !!python/name:os.system x", "it must be plain YAML without tags"),
        ("title: T", "required field missing @ organelle.name"),
        ("\n".join(["a0: &a0 [1,1,1,1,1,1,1,1,1,1]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]"
                                                      for n in range(1, 8))]), "stands for more than 100000 values"),
    ],
)  # fmt: skip
def test_what_is_no_such_file(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "o.yaml").write_text(text)
    with pytest.raises(OrganelleError, match=said):
        read_organelle(tmp_path / "o.yaml")


def test_a_file_that_is_not_there_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(
        OrganelleError, match=r"there is no such file; `asem organelles new lysosome -o .*lysosome\.yaml`"
    ):
        read_organelle(tmp_path / "lysosome.yaml")


def test_an_unknown_name_says_both_ways_out(registry: Registry) -> None:
    with pytest.raises(PluginError) as refused:
        find_organelle("lysosome", registry)
    assert str(refused.value) == (
        "unknown organelle 'lysosome'; installed: none; install its plugin, if there is one: pip install "
        "asem-organelle-lysosome, in a clone ./plugins/organelles/lysosome; or describe it without any: "
        "`asem organelles new lysosome`, then --organelle lysosome.yaml"
    )


def test_name_of(tmp_path: Path) -> None:
    assert name_of("anything") == "anything"
    assert name_of(str(write(tmp_path / "other.yaml"))) == "lysosome"


def test_a_file_of_an_installed_name_changes_its_numbers_and_keeps_its_models(
    toy: Any, tmp_path: Path, as_volume: Any, tissue: Any
) -> None:
    registry = registry_of(toy=plugin(asem_register_organelles=lambda: [toy.organelle]))
    file = write(tmp_path / "toy.yaml", name="toy", threshold=0.75)
    volume = as_volume(tissue[:30, :30, :30])
    made = segment(volume, tmp_path / "o.zarr", organelle=file, registry=registry, prob_dtype="float32")
    probability, found = (zarr.open_array(made.path / name, mode="r")[:] for name in ("0", "labels/toy/0"))
    assert made.model == "toy-10nm"
    assert 0 < found.sum() < (probability >= 0.5).sum()
    np.testing.assert_array_equal(found, probability >= 0.75)


def test_new_writes_a_file_that_works(tmp_path: Path, registry: Registry) -> None:
    file = tmp_path / "lysosome.yaml"
    made = run("new", "lysosome", "-o", file)
    assert made.exit_code == 0, made.output
    assert f"--organelle {file}" in made.output
    assert find_organelle(file, registry) == new_organelle("lysosome")
    other = tmp_path / "endosome.yml"
    assert run("new", "endosome", "--like", file, "-o", other).exit_code == 0
    assert find_organelle(other, registry) == new_organelle("endosome")


def test_new_like_an_installed_one_leaves_its_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("asem_organelle_mito")
    monkeypatch.chdir(tmp_path)
    assert run("new", "endosome", "--like", "mito").exit_code == 0
    made = read_organelle("endosome.yaml")
    assert (made.name, made.dilate_voxels, made.models, list(made.zone_presets)) == ("endosome", 1, (), ["incasem"])


def test_new_refuses(tmp_path: Path) -> None:
    kept = tmp_path / "o.yaml"
    kept.write_text("mine")
    for arguments, said in (
        (("lysosome", "-o", kept), "exists already: remove it, or write another file"),
        (("lysosome.yaml",), "an organelle has a name, such as lysosome, got 'lysosome.yaml'"),
        (("ly so", "-o", tmp_path / "new.yaml"), "an organelle's name must be a word .* got 'ly so'"),
        (("lysosome", "-o", tmp_path / "o.txt"), r"a file whose name ends in \.yaml"),
        (("lysosome", "-o", tmp_path / "gone" / "o.yaml"), "cannot be written"),
    ):
        with pytest.raises(AsemError, match=said):
            CliRunner().invoke(organelles_verb, ["new", *map(str, arguments)], catch_exceptions=False)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("o.yaml", "mine")]


def test_the_list_needs_no_word() -> None:
    assert json.loads(run("--json").output) is not None
    assert run().exit_code == 0


def test_labels_of_a_file_are_called_by_its_name(tmp_path: Path) -> None:
    root = zarr.create_group(tmp_path / "cell.zarr", zarr_format=2)
    truth = np.zeros((8, 9, 10), np.uint8)
    truth[2:6, 2:6, 2:6] = 3
    array = root.create_array("volumes/labels/lysosome", data=truth, chunks=(8, 9, 10))
    array.attrs.update({"resolution": [5, 5, 5], "offset": [0, 0, 0]})
    file = write(tmp_path / "mine.yaml", dilate_voxels=1)
    made = run(
        "prepare", root.store.root, "--organelle", file, "-o", tmp_path / "t.zarr", "--json", command=labels_verb
    )
    assert made.exit_code == 0, (made.output, made.exception)
    assert json.loads(made.stdout)["stages"][0]["params"] == {"width": 1}
    made = run(root.store.root, tmp_path / "l.zarr", "--organelle", file, command=convert_verb)
    assert made.exit_code == 0, (made.output, made.exception)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "l.zarr/0", mode="r")[:], truth)
