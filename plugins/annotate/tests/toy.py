"""A model of mitochondria that has learned nothing, small enough to be fine-tuned while somebody waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asem_core.registry import make_registry


def _not_installed(onnx: Path, scaled: Any) -> None:
    raise ImportError


def write_toy(folder: Path) -> Path:
    """The package of a network of two features for voxels of 10 nm, tried in small cubes and in one runtime."""
    torch = pytest.importorskip("torch", reason="fine-tuning needs asem-core[train]")
    from asem_core.training.export import round_to_fp16
    from asem_core.training.package import package_network
    from asem_core.training.unet import UNet
    from asem_core.zoo.write.card import Facts
    from asem_core.zoo.write.origin import Trained
    from asem_core.zoo.write.samples import texture
    from asem_core.zoo.write.unwritten import unwritten_card

    torch.manual_seed(0)
    network = UNet(2).eval()
    network.load_state_dict(round_to_fp16(network.state_dict()))
    mito = make_registry().organelles["mito"]
    recipe = {"voxel_size_nm": [10.0] * 3, "preset": "fast", "seed": 0, "batch": 1, "loss": "cross_entropy_dice",
              "phases": [{"iterations": 1, "side": 80, "padded": True, "rate": [1e-3, 0.0], "frozen": False}],
              "optimiser": {"decoupled": True, "weight_decay": 0.0}, "normalise": False}  # fmt: skip

    def facts(**measured: Any) -> Facts:
        origin = Trained(recipe=recipe, recipe_sha256="0" * 64, iterations=1)
        return Facts(id="toy-10nm", version="1.0.0", organelle="mito", voxel_size_nm=(10.0, 10.0, 10.0), origin=origin,
                     scores=(), date="2026-01-01", **measured)  # fmt: skip

    card = unwritten_card(mito, voxel_size_nm=(10, 10, 10), volumes=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asem_core.zoo.write.samples.PARITY_SIDE", 120)
        patch.setattr("asem_core.zoo.write.parity.run_openvino", _not_installed)
        package_network(network, folder, card=card, facts=facts, sample=texture(), organelle=mito, cover=False)
    return folder
