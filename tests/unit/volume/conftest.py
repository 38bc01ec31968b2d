"""A registry that holds core's readers only, and takes others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asem_core import builtin


@pytest.fixture
def registry() -> Any:
    return SimpleNamespace(readers={spec.name: spec for spec in builtin.asem_register_readers()})
