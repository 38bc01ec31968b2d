from __future__ import annotations

import json
import re

import attrs
import pytest
import yaml

from asem_core.errors import ModelError
from asem_core.organelles import new_organelle
from asem_core.zoo.write.card import Card, Citation, Facts, card_text, flat_scores, load_card, load_scores
from asem_core.zoo.write.origin import Trained
from asem_core.zoo.write.parity import Parity
from asem_core.zoo.write.unwritten import unwritten_card

WRITTEN = {
    "title": "Toy mitochondria",
    "description": "A toy.",
    "trained_on": "trained on a toy",
    "data": ["a toy volume"],
    "licence": "CC0",
    "split": "none",
    "known_failures": ["everything"],
    "citation": [{"text": "Toy et al.", "doi": "10.1/toy"}],
    "authors": ["A. Toy"],
}
SCORE = {"tp": 9, "fp": 1, "fn": 1, "precision": 0.9, "recall": 0.9, "f1": 0.9, "iou": 0.8182}
RECIPE = {
    "preset": "fast", "seed": 1, "batch": 1, "loss": "cross_entropy_dice", "normalise": True,
    "phases": [
        {"iterations": 4, "side": 80, "padded": True, "rate": (0.002, 0.001)},
        {"iterations": 2, "side": 172, "padded": False, "rate": (0.001, 0.0)},
    ],
    "optimiser": {"decoupled": True, "weight_decay": 1e-4},
}  # fmt: skip


@pytest.fixture
def facts():
    return Facts(
        id="toy-10nm",
        version="1.0.0",
        organelle="mito",
        voxel_size_nm=(10.0, 10.0, 10.0),
        base=4,
        parameters=1234567,
        origin=Trained(recipe=RECIPE, recipe_sha256="a" * 64, iterations=6),
        onnx_sha256="b" * 64,
        scores=(),
        date="2026-01-02",
        parity=(Parity(reference="torch", candidate="onnxruntime", side=160, max_abs_difference=1.5e-6),),
        core_version="0.1.0",
        torch_version="2.5.0",
    )


@pytest.fixture
def card(tmp_path):
    return load_card(write_card(tmp_path, WRITTEN))


def write_card(folder, values):
    path = folder / "toy.card.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_first_line_says_what_it_was_trained_on(card, facts):
    assert card_text(card, facts).splitlines()[0] == "Trained on a toy."


def test_every_fact_is_in_the_card(card, facts):
    text = card_text(card, facts)
    for expected in (
        "toy-10nm",
        "10 x 10 x 10 nm",
        "1,234,567 parameters",
        "1.5e-06",
        "160^3",
        "a" * 64,
        "b" * 64,
        "Iterations: 6;",
        "4 iterations on blocks of 80^3 (zero-padded), rate 0.002 to 0.001, then",
        "2 iterations on blocks of 172^3, rate 0.001",
        "https://doi.org/10.1/toy",
        "multiple of 8 and at least 112",
        "Licence of the weights: CC0",
        "everything",
        "asem-core 0.1.0, torch 2.5.0",
    ):
        assert expected in text
    assert "Not scored yet" in text


def test_unfinished_training_shows(card, facts):
    assert "Iterations: 5 of the 6 of the recipe" in card_text(
        card, attrs.evolve(facts, origin=attrs.evolve(facts.origin, iterations=5))
    )


def test_what_training_started_from_shows(card, facts):
    assert "Starts from" not in card_text(card, facts)
    origin = attrs.evolve(facts.origin, recipe={**RECIPE, "start": "er-10nm"})
    text = card_text(card, attrs.evolve(facts, origin=origin))
    assert "- Starts from the weights of `er-10nm`.\n- Iterations: 6;" in text


def test_scores_come_from_evaluate(tmp_path, card, facts):
    path = tmp_path / "scores.json"
    worse = {**SCORE, "f1": 0.7}
    path.write_text(json.dumps({"with_zone": SCORE, "without_zone": worse, "voxel_size_nm": [5, 5, 5]}))
    scores = (load_scores("held-out part", path),)
    text = card_text(card, attrs.evolve(facts, scores=scores))
    assert "| held-out part (5 x 5 x 5 nm) | with | 0.9000 | 0.9000 | 0.9000 | 0.8182 |" in text
    assert "| held-out part (5 x 5 x 5 nm) | without | 0.9000 | 0.9000 | 0.7000 | 0.8182 |" in text
    assert "Not scored" not in text
    assert flat_scores(scores) == {"f1_with_zone": 0.9, "f1_without_zone": 0.7}
    better = attrs.evolve(scores[0], with_zone=SCORE, without_zone=SCORE)
    assert flat_scores((better, *scores)) == flat_scores(scores), "the lowest"
    other = attrs.evolve(scores[0], with_zone={**SCORE, "f1": 0.6}, without_zone=SCORE)
    assert flat_scores((other, *scores)) == {"f1_with_zone": 0.6, "f1_without_zone": 0.7}, "each from its own volume"


def test_scores_of_objects_and_of_another_training(tmp_path, card, facts):
    path = tmp_path / "scores.json"
    count = {"precision": 0.8, "recall": 1.0, "f1": 0.8889, "tp": 8, "fp": 2, "fn": 0, "panoptic_quality": 0.5}
    objects = {"at_iou": {"iou": 0.5, **count}, "any_overlap": {**count, "tp": 10, "fp": 0, "precision": 1.0}}
    path.write_text(json.dumps({"with_zone": SCORE, "without_zone": SCORE, "objects": objects}))
    scores = (load_scores("held-out part", path),)
    text = card_text(card, attrs.evolve(facts, scores=scores))
    assert "| held-out part | IoU >= 0.5 | 8 | 0.800 | 1.000 | 0.889 |" in text
    assert "| held-out part | any overlap | 10 | 1.000 | 1.000 | 0.889 |" in text
    assert "Another training" not in text
    other = card_text(card, attrs.evolve(facts, scores=scores, compared=scores))
    assert other.count("| held-out part | IoU >= 0.5 | 8 |") == 2
    assert "Another training" in other


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"with_zone": {"f1": 1}}'])
def test_other_json_is_no_score(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(ModelError, match="not what `asem evaluate --json` prints"):
        load_scores("x", tmp_path / "s.json")


def test_missing_files(tmp_path):
    with pytest.raises(ModelError, match="cannot read the scores"):
        load_scores("x", tmp_path / "none.json")
    with pytest.raises(ModelError, match=r"none\.yaml: cannot be read: No such file"):
        load_card(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"title": "no/slash"}, "title must be"),
        ({"known_failures": []}, "known_failures"),
        ({"f1": 0.99}, "f1"),
        ({"citation": [{"text": "nowhere"}]}, "doi or a url"),
        ({"data": "a toy volume"}, r"expected a list, got 'a toy volume' @ card\.data"),
        ({"titel": "x"}, "unknown key 'titel'; keys: title, description, "),
    ],
)
def test_wrong_cards_are_explained(tmp_path, change, match):
    with pytest.raises(ModelError, match=match):
        load_card(write_card(tmp_path, {**WRITTEN, **change}))


@pytest.mark.parametrize("text", ["- a list", "{", "just words"])
def test_cards_that_are_no_mapping(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ModelError, match=r"c\.yaml"):
        load_card(tmp_path / "c.yaml")


def test_the_documented_card(root, tmp_path):
    text = (root / "docs" / "card.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "card.yaml").write_text(example, encoding="utf-8")
    assert load_card(tmp_path / "card.yaml").authors == ("Jane Doe",)
    keys = [field.name for field in attrs.fields(Card)]
    assert list(yaml.safe_load(example)) == re.findall(r"^\| `(\w+)`", text, flags=re.MULTILINE) == keys


def test_a_card_that_nobody_wrote_claims_nothing(facts):
    spec = new_organelle("lysosome")
    begun = unwritten_card(spec, voxel_size_nm=(10, 8.5, 8.5), volumes=1, start="mito-10nm")
    assert begun.title == "Lysosome at 10 x 8 5 x 8 5 nm"
    assert begun.licence.endswith("the training began from the weights of mito-10nm, whose licence goes on")
    text = card_text(begun, facts)
    for said in ("1 volume that nobody has described", "Licence of the weights: not stated", "**Not scored yet.**"):
        assert said in text
    long = attrs.evolve(spec, name="n" * 200, title="é/" * 100)
    assert unwritten_card(long, voxel_size_nm=(1.25, 1.25, 1.25), volumes=9).authors == ("not stated",)


def test_citation_by_url():
    assert Citation(text="x", url="https://x.org").address == "https://x.org"
