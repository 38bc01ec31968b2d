"""What fine-tuning begins from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from asem_core.errors import ModelError
from asem_core.finetuning.start import WEIGHTS, Parent, adapted_to, find_parent
from asem_core.models.moments import graph_weights
from asem_core.progress import silent
from asem_core.registry import Registry, make_registry
from asem_core.training.start import network_of
from asem_core.zoo import choose_model


@pytest.fixture(scope="module")
def registry() -> Registry:
    return make_registry()


@pytest.fixture(scope="module")
def parent(registry: Registry) -> Parent:
    return find_parent(registry.organelles["mito"], "mito-compact-10nm", registry)


def test_a_model_is_adapted_where_the_tissue_is_new(
    parent: Parent,
    registry: Registry,
    as_volume: Any,
    tissue: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("asem_core.predict.adapt.FAMILIAR", 0.0)
    with adapted_to(as_volume(tissue), parent, grey=None, registry=registry, progress=silent) as found:
        assert len(found) == len(WEIGHTS)
        found[1].write(tmp_path / "start")
    written = network_of(str(tmp_path / "start"), registry).state_dict()
    weights = graph_weights(tmp_path / "start" / "weights.onnx")
    for name in weights:
        assert torch.equal(found[1].network.state_dict()[name], written[name])
        assert np.array_equal(written[name].numpy(), weights[name])
    first = "unet.l_conv.0.conv_pass.0.weight"
    apart = [float((each.network.state_dict()[first] - parent.network.state_dict()[first]).norm()) for each in found]
    assert 0 < apart[0] < apart[1]

    # An adapted model has no moments of its own.
    adapted = attrs.evolve(parent, name=str(tmp_path / "start"))
    with adapted_to(as_volume(tissue), adapted, grey=None, registry=registry, progress=silent) as again:
        assert again == []


def test_a_folder_here_is_named_with_a_dot(
    parent: Parent, registry: Registry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy").symlink_to(root / "plugins/organelles/mito/asem_organelle_mito/models/mito_compact_10nm")
    mito = registry.organelles["mito"]
    with pytest.raises(ModelError, match=r"no model 'toy'.*; for the package in the folder toy here, give \./toy"):
        find_parent(mito, "toy", registry)
    with pytest.raises(ModelError, match=r"unknown model 'toy' for organelle 'mito'.*give \./toy"):
        choose_model(mito, "toy")
    assert find_parent(mito, "./toy", registry).spec.sha256 == parent.spec.sha256


def test_a_volume_without_tissue_is_no_reason_to_stop(parent: Parent, registry: Registry, as_volume: Any) -> None:
    resin = as_volume(np.full((40, 40, 40), 200, np.uint8))
    with adapted_to(resin, parent, grey=None, registry=registry, progress=silent) as found:
        assert found == []


def test_familiar_tissue_leaves_it_as_it_is(
    parent: Parent, registry: Registry, as_volume: Any, tissue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asem_core.predict.adapt.FAMILIAR", 1e9)
    with adapted_to(as_volume(tissue), parent, grey=None, registry=registry, progress=silent) as found:
        assert found == []
