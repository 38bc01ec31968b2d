"""Published checkpoints: what is read, and what is refused with the first thing that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asem_core.errors import ModelError

torch = pytest.importorskip("torch", reason="checkpoints need torch: pip install 'asem-core[train]'")

from asem_core.training.published import FIRST, read_checkpoint, unet_state  # noqa: E402
from asem_core.training.unet import UNet  # noqa: E402

CONVOLUTIONS = [
    *(f"unet.l_conv.{level}.conv_pass.{index}" for level in range(4) for index in (0, 2)),
    *(f"unet.r_conv.0.{level}.conv_pass.{index}" for level in range(3) for index in (0, 2)),
    "final_conv_pass.conv_pass.0",
]
PUBLISHED = {f"{name}.{kind}" for name in CONVOLUTIONS for kind in ("weight", "bias")}


@pytest.fixture
def state() -> dict[str, Any]:
    torch.manual_seed(0)
    return dict(UNet(2).state_dict())


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Any], Path]:
    def call(content: Any) -> Path:
        torch.save(content, tmp_path / "model.pt")
        return tmp_path / "model.pt"

    return call


def test_published_names_are_ours_and_ours_are_published(state: dict[str, Any]) -> None:
    assert set(state) == PUBLISHED
    read = unet_state(state)
    assert set(read) == PUBLISHED
    back = UNet(2)
    back.load_state_dict(read)
    assert all(torch.equal(values, state[name]) for name, values in back.state_dict().items())


def test_the_paper_s_network_has_its_number_of_parameters() -> None:
    with torch.device("meta"):
        assert sum(values.numel() for values in UNet(32).state_dict().values()) == 5_837_730


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"model_state_dict": s, "optimizer_state_dict": {"state": {}, "param_groups": []}},
        lambda s: {"state_dict": s},
        lambda s: s,
        lambda s: {"model_state_dict": {f"module.{name}": values for name, values in s.items()}},
    ],
)
def test_wrappers(state: dict[str, Any], save: Callable[[Any], Path], wrap: Callable[[Any], Any]) -> None:
    found = read_checkpoint(save(wrap(state)))
    assert (found.network.base, found.dtype, found.iterations) == (2, "float32", None)
    assert torch.equal(found.network.state_dict()[FIRST], state[FIRST])


def test_files_of_old_torch_and_half_precision(state: dict[str, Any], tmp_path: Path) -> None:
    half = {name: values.half() for name, values in state.items()}
    torch.save({"model_state_dict": half}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    found = read_checkpoint(tmp_path / "old.pt")
    assert found.dtype == "float16"
    assert found.network.state_dict()[FIRST].dtype == torch.float32


@pytest.mark.parametrize("step", [7, torch.tensor(7.0), torch.tensor(7)])
def test_iterations_are_the_optimiser_s_steps(state: dict[str, Any], save: Callable[[Any], Path], step: Any) -> None:
    optimiser = {"state": {0: {"step": step}, 1: {"exp_avg": torch.zeros(2)}}, "param_groups": []}
    assert read_checkpoint(save({"model_state_dict": state, "optimizer_state_dict": optimiser})).iterations == 7


def changed(state: dict[str, Any], **changes: Any) -> dict[str, Any]:
    names = {"head": "final_conv_pass.conv_pass.0.weight", "deep": "unet.l_conv.3.conv_pass.2.bias", "first": FIRST}
    named = {names.get(key, key): value for key, value in changes.items()}
    return {name: values for name, values in (state | named).items() if values is not None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"head": None}, r"final_conv_pass\.conv_pass\.0\.weight is missing, expected a tensor of shape \(2, 2, 3"),
        ({"deep": torch.zeros(5)}, r"unet\.l_conv\.3\.conv_pass\.2\.bias has shape \(5,\), expected \(16,\)"),
        ({"first": torch.zeros(4, 1, 3, 3, 3)}, r"l_conv\.0\.conv_pass\.0\.bias has shape \(2,\), expected \(4,\)"),
        ({"first": torch.zeros(2, 3, 3, 3, 3)}, r"shape \(2, 3, 3, 3, 3\), expected \(1 to 128, 1, 3, 3, 3\)"),
        ({"first": torch.zeros(1).expand(10**6, 1, 3, 3, 3)}, r"shape \(1000000, 1, 3, 3, 3\), expected \(1 to 128"),
        ({"first": None}, r"conv_pass\.0\.weight is missing; the first entry is 'unet\.l_conv\.0\.conv_pass\.0\.bias'"),
        ({"aux_head": torch.zeros(1)}, r"aux_head does not belong to a U-Net with one head of two classes"),
        ({"deep": torch.full((16,), float("nan"))}, r"conv_pass\.2\.bias \(torch\.float32\) holds values that are no"),
        ({"deep": torch.zeros(16, dtype=torch.int64)}, r"\(torch\.int64\) holds values that are no finite"),
    ],
)
def test_the_first_mismatch_is_named(
    state: dict[str, Any], save: Callable[[Any], Path], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelError, match=rf"model\.pt is no checkpoint of the ASEM network: .*{said}") as caught:
        read_checkpoint(save({"model_state_dict": changed(state, **changes)}))
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self) -> Any:
        return print, ("the code ran",)


def test_code_is_not_run(save: Callable[[Any], Path], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="print, which is code and not weights; nothing of it was run"):
        read_checkpoint(save({"model_state_dict": Evil()}))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 no zip"])
def test_what_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelError, match="there is no such checkpoint"):
        read_checkpoint(tmp_path / "none.pt")
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.pt") as caught:
        read_checkpoint(tmp_path / "a.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}, torch.zeros(3)])
def test_other_contents(save: Callable[[Any], Path], content: Any) -> None:
    with pytest.raises(ModelError, match=r"model\.pt (holds a (list|Tensor)|is no checkpoint of the ASEM network)"):
        read_checkpoint(save(content))
