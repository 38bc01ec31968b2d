"""The exported files compute what torch computes, with the very same weights."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from asem_core.errors import ModelError

torch = pytest.importorskip("torch", reason="export needs torch: pip install 'asem-core[train]'")

from asem_core.training.export import export_onnx, load_rounded, round_to_fp16, run_torch  # noqa: E402
from asem_core.training.unet import PackageNet, UNet  # noqa: E402
from asem_core.zoo.guard.pickle_file import check_state_dict  # noqa: E402
from asem_core.zoo.write.parity import parity, run_onnxruntime  # noqa: E402
from asem_core.zoo.write.state_dict import state_dict_bytes  # noqa: E402


def make_network(seed=0):
    torch.manual_seed(seed)
    network = UNet(4).eval()
    network.load_state_dict(round_to_fp16(network.state_dict()))
    return network


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture(scope="module")
def graph(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "weights.onnx"
    export_onnx(network, path)
    return path


def test_runtimes_agree(network, graph):
    scaled = noise(160, 160, 160)
    measured = parity(scaled, run_torch(network, scaled), graph)
    assert measured[0].candidate == "onnxruntime"
    assert {entry.side for entry in measured} == {160}
    assert all(entry.max_abs_difference < 1e-5 for entry in measured), measured


def test_graph_is_the_network_between_crop_and_zeros(network, graph):
    scaled = noise(112, 120, 128)
    probability = run_onnxruntime(graph, scaled)
    assert probability.shape == scaled.shape
    with torch.no_grad():
        cropped = torch.from_numpy(scaled)[None, None, 2:-2, 2:-2, 2:-2]
        expected = torch.softmax(network(cropped), dim=1)[0, 1].numpy()
    np.testing.assert_allclose(probability[49:-49, 49:-49, 49:-49], expected, atol=1e-5)
    probability[49:-49, 49:-49, 49:-49] = 0
    assert not probability.any()


def test_batch_is_dynamic(graph):
    import onnxruntime

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    both = noise(2, 1, 112, 112, 112)
    (together,) = session.run(None, {"raw": both})
    (alone,) = session.run(None, {"raw": both[1:]})
    np.testing.assert_allclose(together[1:], alone, atol=1e-6)


def test_file_suits_old_readers_and_stores_fp16(graph):
    model = onnx.load(graph)
    assert model.ir_version == 8
    assert [opset.version for opset in model.opset_import] == [17]
    weights = [tensor for tensor in model.graph.initializer if tensor.name.startswith("network.")]
    assert len(weights) == 30
    assert {tensor.data_type for tensor in weights} == {onnx.TensorProto.FLOAT16}
    (raw,), (probability,) = model.graph.input, model.graph.output
    assert raw.type.tensor_type.elem_type == probability.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("half", [True, False])
def test_state_dict_holds_the_same_values(network, half, tmp_path):
    export_onnx(network, tmp_path / "weights.onnx", half=half)
    (tmp_path / "state.pt").write_bytes(state_dict_bytes(tmp_path / "weights.onnx"))
    check_state_dict(tmp_path / "state.pt")
    expected = PackageNet(4).eval()
    expected.network.load_state_dict(network.state_dict())
    for mapped in (True, False):
        state = torch.load(tmp_path / "state.pt", weights_only=True, mmap=mapped)
        assert {values.dtype for values in state.values()} == {torch.float16 if half else torch.float32}
        package = PackageNet(4)
        package.load_state_dict(state)
        for name, values in expected.state_dict().items():
            assert torch.equal(package.state_dict()[name], values), name
            assert state[name].data_ptr() % 64 == 0 or not mapped, "PyTorch maps aligned values only"


def test_same_weights_same_bytes(graph, tmp_path):
    export_onnx(make_network(), tmp_path / "weights.onnx")
    assert (tmp_path / "weights.onnx").read_bytes() == graph.read_bytes()
    assert state_dict_bytes(tmp_path / "weights.onnx") == state_dict_bytes(graph)


def test_rounding_is_done_once(tmp_path):
    torch.manual_seed(0)
    network = UNet(4)
    once = round_to_fp16(network.state_dict())
    twice = round_to_fp16(once)
    assert all(torch.equal(once[name], twice[name]) for name in once)
    with pytest.raises(ModelError, match="round_to_fp16 before scoring"):
        export_onnx(network, tmp_path / "weights.onnx")


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_diverged_weights_are_refused(value):
    with pytest.raises(ModelError, match=r"weights w .*diverged"):
        round_to_fp16({"w": torch.tensor([0.0, value])})


def test_weights_that_are_none(tmp_path):
    with pytest.raises(ModelError, match="is missing"):
        load_rounded(tmp_path / "weights.pt", base=4)
    (tmp_path / "weights.pt").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="damaged, or no file of PyTorch"):
        load_rounded(tmp_path / "weights.pt", base=4)
    torch.save(UNet(4, normalise=True).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="plain U-Net of base 4"):
        load_rounded(tmp_path / "weights.pt", base=4)
