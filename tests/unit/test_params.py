"""Stages on the command line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from asem_core import Registry
from asem_core.errors import PluginError
from asem_core.params import make_params, parse_stage


def params_of(text: str, stages: Any) -> Any:
    stage = parse_stage(text)
    return make_params(stages[stage.name], stage.params)


def test_name_alone_has_the_defaults(registry: Registry) -> None:
    params = params_of("scale_linear", registry.preprocessors)
    assert (params.gain, params.offset) == (2 / 255, -1.0)


def test_values_become_what_the_class_declares(registry: Registry) -> None:
    params = params_of("scale_linear:gain=3, offset=-2e-1", registry.preprocessors)
    assert (params.gain, params.offset) == (3.0, -0.2)
    assert params_of("remove_small_objects:min_voxels=27", registry.label_rules).min_voxels == 27


@attrs.frozen(kw_only=True)
class Switches:
    one: bool = True
    two: bool | None = None


def test_truth_may_be_written_in_words() -> None:
    stage = SimpleNamespace(name="switches", params=f"{__name__}:Switches")

    def values(**given: Any) -> tuple[bool, bool | None]:
        found = make_params(stage, given)
        return found.one, found.two

    assert values(one="false", two="On") == (False, True)
    assert values(one=False, two="0") == (False, False)
    assert values(two=None) == (True, None)
    with pytest.raises(PluginError, match="switches cannot take one=maybe: expected true or false, got 'maybe'"):
        values(one="maybe")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("equalise", "unknown preprocessor 'equalise'; installed: "),
        ("scale_linear:gian=3", "no parameter gian; parameters of scale_linear: gain=0.007843, offset=-1"),
        ("scale_linear:gain", "NAME:PARAMETER=VALUE"),
        ("scale_linear:gain=", "NAME:PARAMETER=VALUE"),
        ("scale_linear:gain=1,gain=2", "gain is given twice"),
        ("", "names no stage"),
        ("scale_linear:gain=wide", "cannot take gain=wide: could not convert string to float"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(registry: Registry, text: str, says: str) -> None:
    with pytest.raises(PluginError) as caught:
        params_of(text, registry.preprocessors)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
