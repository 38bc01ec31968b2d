"""Recipes: presets, mistakes named, and there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from asem_core.errors import RecipeError
from asem_core.training.recipe import PRESETS, Phase, Recipe, load_recipe, recipe_values, structure_recipe

SHORT = {
    "organelle": "mito",
    "voxel_size_nm": [10, 10, 10],
    "training": [{"raw": "a.zarr", "labels": "a.zarr"}],
}


def write(folder: Path, values: Any) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
    return path


def test_every_preset_loads(tmp_path: Path) -> None:
    names = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    assert names == ["fast", "paper"]
    for name in names:
        assert load_recipe(write(tmp_path, {**SHORT, "preset": name})).preset == name


def test_the_paper_preset_has_the_published_numbers(tmp_path: Path) -> None:
    """Method, sections 2.1 to 2.3."""
    recipe = load_recipe(write(tmp_path, SHORT))
    assert recipe.preset == "paper"
    assert recipe.base == 32
    assert recipe.phases == (Phase(iterations=150_000, side=204),)
    assert recipe.batch == 1
    assert not recipe.normalise
    assert not recipe.mixed_precision
    assert recipe.loss == "balanced_cross_entropy"
    assert recipe.rate_at(0) == recipe.rate_at(149_999) == 3e-5
    assert recipe.optimiser.weight_decay == 3e-5
    assert (recipe.optimiser.decoupled, recipe.optimiser.warmup) == (False, 0)
    assert (recipe.sampling.min_foreground, recipe.sampling.keep_without) == (0.05, 0.1)
    assert recipe.sampling.min_inside == 0.75
    assert (recipe.augment.elastic_spacing, recipe.augment.elastic_sigma) == (32, 2.0)
    assert recipe.augment.rotate
    assert (recipe.augment.section_shift_probability, recipe.augment.section_shift_max) == (0.05, 2)
    assert recipe.augment.contrast == (0.85, 1.15)
    assert recipe.augment.brightness == (-0.15, 0.15)
    assert recipe.augment.noise == 0
    assert (recipe.validate_every, recipe.checkpoint_every) == (1000, 1000)


def test_what_is_written_wins_over_the_preset_key_by_key(tmp_path: Path) -> None:
    over = {"base": 8, "optimiser": {"warmup": 5}, "phases": [{"iterations": 2, "side": 100}]}
    recipe = load_recipe(write(tmp_path, {**SHORT, **over}))
    assert recipe.base == 8
    assert recipe.optimiser.warmup == 5
    assert recipe.optimiser.weight_decay == 3e-5, "the rest of the group stays"
    assert recipe.phases == (Phase(iterations=2, side=100),), "a list is replaced whole"


def test_phases_follow_each_other() -> None:
    recipe = structure_recipe(
        {**SHORT, "phases": [{"iterations": 2, "side": 16, "padded": True}, {"iterations": 3, "side": 100}]}, where="t"
    )
    assert recipe.iterations == 5
    assert [recipe.phase_at(i).side for i in range(5)] == [16, 16, 100, 100, 100]
    with pytest.raises(IndexError, match="5 iterations"):
        recipe.phase_at(5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bose": 16}, ["extra fields found (bose)", "recipe"]),
        ({"optimiser": {"learning_rate": 1}}, ["learning_rate", "recipe.optimiser"]),
        ({"training": [{"raw": "a", "lables": "b"}]}, ["recipe.training[0].labels", "missing", "lables"]),
        ({"training": []}, ["training", ">= 1"]),
        ({"training": [{"raw": "a", "labels": "b", "share": 0}]}, ["recipe.training[0]", "share", "> 0"]),
        ({"phases": [{"iterations": 1, "side": 104}]}, ["recipe.phases[0]", "4 mod 8", "at least 100", "104"]),
        ({"phases": [{"iterations": 1, "side": 92}]}, ["recipe.phases[0]", "at least 100", "92"]),
        ({"phases": [{"iterations": 1, "side": 100, "padded": True}]}, ["0 mod 8 with padding", "100"]),
        ({"phases": [{"iterations": 0, "side": 100}]}, ["recipe.phases[0]", "iterations", "> 0"]),
        ({"phases": 3}, ["recipe.phases"]),
        ({"base": 0}, ["base", "> 0"]),
        ({"base": "many"}, ["recipe.base", "int", "many"]),
        ({"loss": "focal"}, ["loss", "balanced_cross_entropy", "cross_entropy_dice", "focal"]),
        ({"voxel_size_nm": [10, 10]}, ["recipe.voxel_size_nm"]),
        ({"voxel_size_nm": None}, ["recipe.voxel_size_nm"]),
        ({"preset": "quick"}, ["unknown preset 'quick'", "fast, paper"]),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, change: dict[str, Any], words: list[str]) -> None:
    path = write(tmp_path, {**SHORT, **change})
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert [word for word in words if word not in message] == []


def test_every_mistake_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"recipe\.base.*recipe\.seed|recipe\.seed.*recipe\.base"):
        load_recipe(write(tmp_path, {**SHORT, "base": "many", "seed": "none"}))


def test_what_must_be_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"required field missing @ recipe\.organelle"):
        load_recipe(write(tmp_path, {key: value for key, value in SHORT.items() if key != "organelle"}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [("- a\n- b\n", "must hold keys and values, got list"), ("", "got NoneType"), ("a: [1\n", "is not YAML")],
)
def test_not_a_recipe_at_all(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        load_recipe(write(tmp_path, text))
    with pytest.raises(RecipeError, match=r"nothing\.yaml: cannot be read: No such file"):
        load_recipe(tmp_path / "nothing.yaml")


@pytest.mark.parametrize("preset", ["fast", "paper"])
def test_there_and_back(tmp_path: Path, preset: str) -> None:
    values = {
        **SHORT, "preset": preset, "seed": 7,
        "validation": [{"raw": "b", "labels": "c", "voxel_size_nm": [5, 5, 5], "roi": "0:1,0:1,0:1"}],
    }  # fmt: skip
    recipe = load_recipe(write(tmp_path, values))
    assert structure_recipe(recipe_values(recipe), where="t") == recipe
    assert load_recipe(write(tmp_path, recipe_values(recipe))) == recipe, "through YAML; the preset adds nothing"
    assert set(recipe_values(recipe)) == {field.name for field in attrs.fields(Recipe)}


@pytest.mark.parametrize(
    ("frozen", "normalise", "blocks", "settles"),
    [
        ((False, False), True, 4, []),
        ((False, True), True, 4, [2]),
        ((True, True), True, 4, [0]),
        ((True, False, True), True, 4, [0, 5]),
        ((True, False), True, 4, [0]),
        ((False, True), False, 4, []),
        ((False, True), True, 0, []),
    ],
)
def test_statistics_settle_where_frozen_phases_begin(
    frozen: tuple[bool, ...], normalise: bool, blocks: int, settles: list[int]
) -> None:
    phases = [
        {"iterations": count, "side": 100, "frozen": used} for count, used in zip((2, 3, 4), frozen, strict=False)
    ]
    made = structure_recipe({**SHORT, "phases": phases, "normalise": normalise, "settle_blocks": blocks}, where="t")
    assert [i for i in range(made.iterations) if made.settles_before(i)] == settles
    used = {done for done in range(1, made.iterations + 1) if not made.phase_at(done - 1).frozen}
    expected = {0, *used} if normalise and blocks else set()
    assert {done for done in range(made.iterations + 1) if made.settles_after(done)} == expected


@pytest.mark.parametrize(("start", "expected"), [(None, [3, 6, 7]), ("mito-10nm", [0, 3, 6, 7])])
def test_validation_has_its_own_schedule(start: str | None, expected: list[int]) -> None:
    changes = {"phases": [{"iterations": 7, "side": 100}], "validate_every": 3, "start": start, "normalise": False}
    made = structure_recipe({**SHORT, **changes, "validation": [{"raw": "a", "labels": "b"}]}, where="t")
    assert [done for done in range(8) if made.validates_after(done)] == expected
    assert not structure_recipe({**SHORT, **changes}, where="t").validates_after(7)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"select": "fit"}, "select: fit needs validation volumes: give some, or select: last"),
        (
            {"normalise": False, "optimiser": {"convolutions": False}},
            "optimiser: {convolutions: false} leaves the normalisation to learn: say normalise: true",
        ),
        ({"early_stop": True}, "early_stop needs select: fit, since the last weights are those that overfit"),
    ],
)
def test_what_is_chosen_is_chosen_by_something(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        structure_recipe({**SHORT, "phases": [{"iterations": 7, "side": 100}], **changes}, where="t")
