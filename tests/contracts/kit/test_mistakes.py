"""The mistakes that authors of plugins make: each is told in one line that names it, and nothing else breaks.

docs/mistakes.md is the table of what is said. After a change of words: ASEM_UPDATE=1 pytest THIS FILE
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import click
import pytest

import asem_core
from asem_core.cli.main import command_line
from asem_core.hookspecs import hookimpl
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec, StageRef
from asem_core.testing import Check
from asem_core.testing.kit import checks_of_spec

from ..toys import Point, organelle, plugin, raising
from .test_stages import GOOD, path

LIST, CHECK = "`asem plugins list`", "`asem plugins check`"
HEAD = """# Mistakes, and what is said of them

For authors of plugins. This table is made by a test: what it says is what is printed. A plugin with a mistake takes no
other one down, and what is sound of it works ([hooks.md](hooks.md#when-a-plugin-is-broken)).

| mistake | said by | what is said |
|---|---|---|
"""


def of_organelle(**values: Any) -> Any:
    return plugin(asem_register_organelles=lambda: [organelle("toy", **values)])


def stage(hook: str, **wrong: Any) -> Callable[[], Any]:
    kind, values = GOOD[hook]

    def registers() -> list[Any]:
        return [kind(name="toy", **{name: path(value) for name, value in {**values, **wrong}.items()})]

    return lambda: plugin(**{f"asem_register_{hook}": registers})


class Unmarked:
    """Its hook lacks the mark."""

    @staticmethod
    def asem_register_organelles() -> list[OrganelleSpec]:
        return []


def two_of_one_name() -> Any:
    return plugin(asem_register_organelles=lambda: [organelle("toy"), organelle("toy")])


def takes_a_verb() -> Any:
    return plugin(asem_register_commands=lambda cli: cli.add_command(click.Command("segment", callback=lambda: None)))


def nothing() -> list[Any]:
    return []


def misspelt() -> Any:
    return SimpleNamespace(asem_register_organels=hookimpl(nothing))


MISTAKES: dict[str, tuple[str, Callable[[], Any]]] = {
    "the module does not import": (LIST, raising(ModuleNotFoundError("No module named 'cupy'"))),
    "a hook raises": (LIST, lambda: plugin(asem_register_readers=raising(KeyError("model")))),
    "a hook returns a dictionary": (LIST, lambda: plugin(asem_register_organelles=lambda: {"toy": organelle("toy")})),
    "a hook returns specs of another kind": (LIST, lambda: plugin(asem_register_readers=lambda: [organelle("toy")])),
    "`@hookimpl` is forgotten": (LIST, Unmarked),
    "the name of a hook is misspelt": (LIST, misspelt),
    "text where a number belongs": (LIST, lambda: of_organelle(threshold="0.5")),
    "a zone as a dictionary": (LIST, lambda: of_organelle(exclusion_zone={"name": "shell"})),
    "a zone that nobody registered": (LIST, lambda: of_organelle(exclusion_zone=StageRef(name="ring"))),
    "a parameter that a zone has not": (
        CHECK, lambda: of_organelle(exclusion_zone=StageRef(name="shell", params={"dilate": 1, "erode": 1, "width": 2}))
    ),
    "a clean-up that nobody registered": (LIST, lambda: of_organelle(cleanup=(StageRef(name="shave"),))),
    "a recipe that is not in the package": (CHECK, lambda: of_organelle(recipe="asem_core:toy.yaml")),
    "text for a list in the card": (CHECK, lambda: of_organelle(recipe="mistaken:toy.yaml")),
    "one name twice": (LIST, two_of_one_name),
    "a name of core": (LIST, lambda: plugin(asem_register_readers=lambda: [attrs.evolve(reader(), name="tiff")])),
    "a verb that is there": (LIST, takes_a_verb),
    "a function that is not there": (CHECK, stage("preprocessors", fn="missing")),
    "a function with other arguments": (CHECK, stage("label_rules", fn="without_keywords")),
    "parameters that are not frozen": (CHECK, stage("label_rules", params="NotFrozen")),
    "an option that the verb has already": (CHECK, stage("analyses", params="Clashing")),
    "an analysis returns a dictionary": (CHECK, stage("analyses", fn="sizes_as_a_dictionary")),
    "an analysis returns a column of two dimensions": (CHECK, stage("analyses", fn="sizes_of_two_dimensions")),
    "an analysis fails without objects": (CHECK, stage("analyses", fn="sizes_need_one")),
    "an analysis counts by blocks": (CHECK, stage("analyses", fn="sizes_by_blocks")),
    "a volume in voxels": (CHECK, stage("analyses", fn="sizes_in_voxels")),
    "a label rule returns floats": (CHECK, stage("label_rules", fn="alone_float")),
    "a label rule without its halo": (CHECK, stage("label_rules", halo=None)),
    "a clean-up that goes on and on": (CHECK, stage("label_rules", fn="eroded")),
    "NaN from a stage": (CHECK, stage("preprocessors", fn="divided", dtype_out="float32")),
    "a stage of another type than it states": (CHECK, stage("preprocessors", fn="dark_float")),
    "a zone of numbers": (CHECK, stage("exclusion_zones", fn="rim_as_numbers")),
}  # fmt: skip


def reader() -> Any:
    (spec,) = stage("readers")().asem_register_readers()
    return spec


@pytest.fixture(autouse=True)
def package_with_a_wrong_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mistaken`, with a recipe and a card."""
    folder = tmp_path / "mistaken"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "toy.yaml").write_text(
        "organelle: toy\nvoxel_size_nm: [10, 10, 10]\npreset: fast\nseed: 1\n"
        "training: [{raw: a, labels: a}]\nvalidation: [{raw: b, labels: b}]\n"
    )
    card = dict.fromkeys(("trained_on", "licence", "split", "description"), "x") | {"title": "A toy model"}
    lines = [f"{name}: {value}" for name, value in card.items()]
    lines += ["data: one cell", "known_failures: [x]", "authors: [x]", "citation: [{text: x, url: y}]"]
    (folder / "toy.card.yaml").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mistaken", raising=False)
    importlib.invalidate_caches()


def loaded(made: Callable[[], Any]) -> Registry:
    """With a sound plugin on either side."""
    points = [Point("a", lambda: plugin("er")), Point("toy", made, "asem-toy"), Point("z", lambda: plugin("golgi"))]
    return command_line(points)[1]


def checks(registry: Registry) -> Iterator[Check]:
    for kind, specs in registry.of_plugin("toy").items():
        for spec in specs.values():
            yield from checks_of_spec(kind, spec, registry=registry)


def said(mistake: str) -> str:
    by, made = MISTAKES[mistake]
    registry = loaded(made)
    listed = {record.name: record for record in registry.checked()}
    assert (listed["a"].error, listed["z"].error) == (None, None)
    assert {"er", "golgi"} <= set(registry.organelles)
    if by == LIST:
        return f"toy  asem-toy  1.2  {listed['toy'].state}"
    assert listed["toy"].error is None
    findings = [check.perform() for check in checks(registry)]
    (failed,) = [finding for finding in findings if finding.problems]
    return str(failed).replace(sys.path[0], "...").replace(str(Path(asem_core.__file__).parents[1]), "...")


def table_row(mistake: str) -> str:
    here = f"{__name__.rpartition('.')[0]}.toys:"
    words = said(mistake).replace(here, "toy:").replace("`", "'")
    return f"| {mistake} | {MISTAKES[mistake][0]} | `{words}` |"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_it_is_told_in_one_line_and_written_down(mistake: str, root: Path) -> None:
    row = table_row(mistake)
    assert "\n" not in row
    page = root / "docs" / "mistakes.md"
    if os.environ.get("ASEM_UPDATE"):
        rows = page.read_text().removeprefix(HEAD).splitlines() if page.exists() else []
        known = {line.split(" | ")[0].removeprefix("| "): line for line in rows} | {mistake: row}
        page.write_text(HEAD + "".join(f"{known[name]}\n" for name in MISTAKES if name in known))
    assert row in page.read_text().splitlines(), f"update docs/mistakes.md: ASEM_UPDATE=1 pytest {__file__}"


def test_the_table_holds_nothing_else(root: Path) -> None:
    assert len((root / "docs" / "mistakes.md").read_text().removeprefix(HEAD).splitlines()) == len(MISTAKES)
