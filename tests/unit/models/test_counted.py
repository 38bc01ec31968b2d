"""What a graph costs is counted once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from asem_core.errors import ModelError
from asem_core.models.runtimes import graph
from asem_core.models.runtimes.counted import Cost
from asem_core.models.runtimes.graph import graph_cost

SHAPE = (1, 1, 112, 112, 112)


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache, and nothing in it."""
    monkeypatch.setenv("ASEM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The graphs that were opened to count."""
    found: list[Path] = []
    original = graph.static_graph

    def noted(model: Path, shape: tuple[int, ...]) -> Any:
        found.append(model)
        return original(model, shape)

    monkeypatch.setattr(graph, "static_graph", noted)
    return found


def in_a_new_process(model: Path, shape: tuple[int, ...] = SHAPE, **chosen: Any) -> Cost:
    graph_cost.cache_clear()
    return graph_cost(model, shape, **chosen)


def test_the_next_process_opens_no_graph(toy: Any, opened: list[Path], tmp_path: Path) -> None:
    cost = in_a_new_process(toy.onnx)
    assert in_a_new_process(toy.onnx) == cost
    elsewhere = shutil.copy(toy.onnx, tmp_path / "copy.onnx")
    assert in_a_new_process(Path(elsewhere)) == cost
    assert opened == [toy.onnx]


def test_another_shape_graph_or_rewrite_is_counted(toy: Any, opened: list[Path], tmp_path: Path) -> None:
    import onnx

    changed = onnx.load(toy.onnx)
    changed.producer_name = "another"
    onnx.save(changed, tmp_path / "other.onnx")
    cost = in_a_new_process(toy.onnx)
    assert in_a_new_process(toy.onnx, (1, 1, 120, 112, 112)).flop > cost.flop
    rewrite = "asem_core.models.runtimes.subpixel:without_upsampling"
    assert in_a_new_process(toy.onnx, rewrite=rewrite).flop < cost.flop
    assert in_a_new_process(tmp_path / "other.onnx") == cost
    assert opened == [toy.onnx] * 3 + [tmp_path / "other.onnx"]


def as_it_is(model: Any) -> Any:
    return model


def test_what_a_plugin_makes_of_a_graph_is_counted_anew(toy: Any, opened: list[Path]) -> None:
    rewrite = f"{__name__}:as_it_is"
    assert in_a_new_process(toy.onnx, rewrite=rewrite) == in_a_new_process(toy.onnx, rewrite=rewrite)
    assert opened == [toy.onnx] * 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"flop": 1}', '{"flop": 1, "live": "x", "output": [1]}'])
def test_what_is_damaged_is_counted_anew(toy: Any, opened: list[Path], empty: Path, text: str) -> None:
    cost = in_a_new_process(toy.onnx)
    (kept,) = (empty / "costs").iterdir()
    kept.write_text(text)
    assert in_a_new_process(toy.onnx) == cost
    assert in_a_new_process(toy.onnx) == cost
    assert opened == [toy.onnx] * 2


def test_a_cache_that_nobody_can_write_is_no_obstacle(toy: Any, empty: Path) -> None:
    empty.write_text("a file where the folder should be")
    assert in_a_new_process(toy.onnx).flop > 0


def test_what_is_no_graph_is_not_kept(tmp_path: Path, empty: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"no graph")
    for path in (tmp_path / "no.onnx", tmp_path / "missing.onnx"):
        with pytest.raises(ModelError, match="is not a usable ONNX model"):
            in_a_new_process(path)
    assert not empty.exists()
