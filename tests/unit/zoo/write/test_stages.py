"""Stages in bioimage.io's words: the same values by its own library, and what has no words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from asem_core.specs import StageRef
from asem_core.zoo.write.stages import FIXED, as_told, is_fixed, left_out, preprocessing, split_told

PERCENTILES = StageRef(name="percentile_rescale", params={"low": "2", "high": 90.0})
SCALE = StageRef(name="scale_linear", params={"gain": 0.5})
CLAHE = StageRef(name="clahe", params={"kernel": 24})
PLUGINS = StageRef(name="denoise")


@pytest.mark.parametrize("stages", [(FIXED,), (PERCENTILES, FIXED), (SCALE, PERCENTILES, FIXED)])
def test_bioimageio_makes_the_same_of_the_words(stages: tuple[StageRef, ...]) -> None:
    from bioimageio.core import Sample, Tensor
    from bioimageio.core.proc_ops import get_proc
    from bioimageio.core.stat_calculators import compute_measures
    from bioimageio.spec.model.v0_5 import InputTensorDescr

    raw = np.random.default_rng(1).gamma(3, 30, (1, 1, 12, 14, 16)).clip(0, 255).astype(np.float32)
    axes: list[Any] = [{"type": "batch"}, {"type": "channel", "channel_names": ["raw"]}]
    axes += [{"type": "space", "id": axis, "size": n} for axis, n in zip("zyx", (12, 14, 16), strict=True)]
    tensor = InputTensorDescr(id="raw", axes=axes, data={"type": "float32"}, preprocessing=preprocessing(stages))
    sample = Sample(members={tensor.id: Tensor(raw, dims=[a.id for a in tensor.axes])}, stat={}, id="sample")
    for step in tensor.preprocessing:
        operator = get_proc(step, tensor)
        sample.stat.update(compute_measures(operator.required_measures, [sample]))
        operator(sample)
    found = sample.members[tensor.id].data.to_numpy()
    np.testing.assert_allclose(found[0, 0], as_told(raw[0, 0], stages), atol=1e-4)
    assert found.std() > 0.1


def test_what_comes_before_a_stage_without_words_has_none_either() -> None:
    assert split_told((PERCENTILES, FIXED)) == ((), (PERCENTILES, FIXED))
    assert split_told((PERCENTILES, CLAHE, SCALE, FIXED)) == ((PERCENTILES, CLAHE), (SCALE, FIXED))
    assert split_told((PLUGINS,)) == ((PLUGINS,), ())


def test_the_fixed_scale_however_it_is_written() -> None:
    assert is_fixed(FIXED)
    assert is_fixed(StageRef(name="scale_linear"))
    assert not is_fixed(SCALE)


@pytest.mark.parametrize(
    ("stages", "described", "expected"),
    [
        ((FIXED,), (FIXED,), ()),
        ((PERCENTILES, FIXED), (PERCENTILES, FIXED), ()),
        ((PERCENTILES, FIXED), (FIXED,), (PERCENTILES,)),
        ((CLAHE, FIXED), (FIXED,), (CLAHE,)),
        ((CLAHE, SCALE, FIXED), (SCALE, FIXED), (CLAHE,)),
        ((FIXED,), (SCALE, FIXED), (FIXED,)),
        ((CLAHE,), (), (CLAHE,)),
    ],
)
def test_what_a_package_does_not_tell(tmp_path: Path, stages: Any, described: Any, expected: Any) -> None:
    values = {
        "id": "m", "version": "1", "voxel_size_nm": [1, 1, 1], "sha256": "", "licence": "", "trained_on": "",
        "preprocess": [{"name": stage.name, "params": stage.params} for stage in stages],
    }  # fmt: skip
    (tmp_path / "model.json").write_text(json.dumps(values))
    rdf = {"type": "model", "inputs": [{"preprocessing": preprocessing(described)}]}
    (tmp_path / "rdf.yaml").write_text(yaml.safe_dump(rdf))
    assert left_out(tmp_path) == expected
