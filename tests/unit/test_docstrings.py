"""The examples in docstrings of core and of the plugins say what happens."""

from __future__ import annotations

import doctest
import os
from importlib import import_module
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "asem_core", *sorted(ROOT.glob("plugins/**/asem_*/"))]


def modules_with_examples() -> list[str]:
    """Found by their text: nothing is imported before its test runs. Files of model packages are no modules."""
    return [
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for package in PACKAGES
        for path in sorted(package.rglob("*.py"))
        if "models" not in path.relative_to(package).parts and ">>> " in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("asem"):
            raise
        pytest.skip(f"{name} needs {error.name}")
    runner, report = doctest.DocTestRunner(), []
    with mock.patch.dict(os.environ):
        for example in doctest.DocTestFinder().find(module):
            runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


def test_a_wrong_example_is_found() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner().run(wrong, out=lambda text: None).failed == 1
