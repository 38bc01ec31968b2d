"""What goes warns whoever uses it, with where that is."""

from __future__ import annotations

import pytest

from asem_core.deprecation import deprecated, warn_going


@deprecated("toys.old goes with asem-core 0.3: use toys.new")
def old() -> int:
    return 1


def measure(*, block: int | None = None) -> None:
    if block is not None:
        warn_going("block of toys.measure", gone_in="0.3", instead="leave it out")


def test_a_name_warns_where_it_is_called() -> None:
    with pytest.warns(DeprecationWarning, match="^toys.old goes with asem-core 0.3: use toys.new$") as told:
        assert old() == 1
    assert told[0].filename == __file__


def test_a_parameter_warns_where_it_is_given() -> None:
    measure()
    with pytest.warns(DeprecationWarning, match="^block of toys.measure goes with asem-core 0.3: leave it") as told:
        measure(block=2)
    assert told[0].filename == __file__
