"""docs/hooks.md holds the exact signature of every hook, and of nothing else."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asem_core import hookspecs

HOOKS: dict[str, Callable[..., Any]] = {
    name: value for name, value in vars(hookspecs).items() if name.startswith("asem_") and callable(value)
}


@pytest.fixture(scope="module")
def sections(root: Path) -> dict[str, str]:
    """Text below each heading ``## asem_...``."""
    parts = re.split(r"^## ", (root / "docs" / "hooks.md").read_text(), flags=re.MULTILINE)
    texts = {title.strip("` "): text for title, _, text in (part.partition("\n") for part in parts)}
    return {title: text for title, text in texts.items() if title.startswith("asem_")}


def test_every_hook_has_a_section_and_no_other_has(sections: dict[str, str]) -> None:
    assert list(sections) == list(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_signature(name: str, sections: dict[str, str]) -> None:
    signature = str(inspect.signature(HOOKS[name])).replace("'", "")
    assert f"```python\ndef {name}{signature}: ...\n```" in sections[name]


@pytest.mark.parametrize("name", HOOKS)
def test_docstring_says_what_it_is_for(name: str) -> None:
    assert len(inspect.getdoc(HOOKS[name]) or "") > 80
