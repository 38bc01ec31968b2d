"""Hostile and broken packages: each attack takes a sound package and spoils it in one way."""

from __future__ import annotations

import pickle
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, load

from ..box_model import named, read_rdf, save_graph, write_rdf

Attack = Callable[[Path], Any]


def _rdf(change: Callable[[dict[str, Any]], Any]) -> Attack:
    def attack(folder: Path) -> None:
        values = read_rdf(folder)
        change(values)
        write_rdf(folder, values)

    return attack


def _graph(change: Callable[[Any], Any]) -> Attack:
    def attack(folder: Path) -> None:
        model = load(folder / "net.onnx")
        change(model)
        save_graph(folder, model)

    return attack


class Payload:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def mark(folder: Path) -> Path:
    """The file that a payload would leave."""
    return folder.parent / "code ran"


def legacy_pickle(folder: Path) -> None:
    (folder / "net.pt").write_bytes(pickle.dumps({"weight": Payload(mark(folder))}, protocol=2))
    _state_dict(folder)


def zipped_pickle(folder: Path) -> None:
    with zipfile.ZipFile(folder / "net.pt", "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps({"weight": Payload(mark(folder))}, protocol=4))
    _state_dict(folder)


def _state_dict(folder: Path) -> None:
    (folder / "net.py").write_text("def net(): ...\n")
    values = read_rdf(folder)
    values["weights"]["pytorch_state_dict"] = {
        **named(folder, "net.pt"), "pytorch_version": "2.4",
        "architecture": {**named(folder, "net.py"), "callable": "net"},
    }  # fmt: skip
    write_rdf(folder, values)


def pickled_tensor(folder: Path) -> None:
    np.save(folder / "in.npy", np.array([Payload(mark(folder))]), allow_pickle=True)
    values = read_rdf(folder)
    values["inputs"][0]["test_tensor"] = named(folder, "in.npy")
    write_rdf(folder, values)


def external(location: str, *, make: bool = False) -> Attack:
    def change(model: Any, folder: Path) -> None:
        kernel = model.graph.initializer[0]
        kernel.ClearField("raw_data")
        kernel.data_location = TensorProto.EXTERNAL
        kernel.external_data.add(key="location", value=location)

    def attack(folder: Path) -> None:
        if make:
            (folder / location).resolve().write_bytes(bytes(10**4))
        model = load(folder / "net.onnx")
        change(model, folder)
        save_graph(folder, model)

    return attack


def external_link(folder: Path) -> None:
    (folder / "values.bin").symlink_to("/etc/passwd")
    external("values.bin")(folder)


def _absurd_kernel(dims: tuple[int, ...]) -> Attack:
    def change(model: Any) -> None:
        kernel = model.graph.initializer[0]
        del kernel.dims[:]
        kernel.dims.extend(dims)

    return _graph(change)


def _absurd_input(model: Any) -> None:
    for dim in model.graph.input[0].type.tensor_type.shape.dim:
        dim.dim_value = 1_000_000


def _bomb_in_the_graph(model: Any) -> None:
    shape = helper.make_tensor("shape", TensorProto.INT64, [4], [10**5] * 4)
    model.graph.node.insert(0, helper.make_node("Constant", [], ["dims"], value=shape))
    model.graph.node.insert(1, helper.make_node("ConstantOfShape", ["dims"], ["bomb"]))
    model.graph.node.append(helper.make_node("ReduceMax", ["bomb"], ["most"], keepdims=0))
    model.graph.node[-2].output[0] = "calm"
    model.graph.node.append(helper.make_node("Add", ["calm", "most"], ["filtered"]))


def billion_laughs(folder: Path) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (folder / "rdf.yaml").write_text("type: model\n" + "\n".join(lines) + "\n")


def _weights(folder: Path, data: bytes) -> None:
    (folder / "net.onnx").write_bytes(data)
    values = read_rdf(folder)
    values["weights"]["onnx"] |= named(folder, "net.onnx")
    write_rdf(folder, values)


def _outside_by_link(folder: Path) -> None:
    shutil.move(folder / "in.npy", folder.parent / "in.npy")
    (folder / "in.npy").symlink_to(folder.parent / "in.npy")


PACKAGES: dict[str, tuple[Attack, str]] = {
    "changed weights": (lambda f: (f / "net.onnx").write_bytes(b"other"), "sha256 of .*net.onnx is .*, expected"),
    "garbage for weights": (lambda f: _weights(f, b"\x00\x01 no graph"), "net.onnx is no ONNX file"),
    "empty weights": (lambda f: _weights(f, b""), "net.onnx is no ONNX file"),
    "missing weights": (lambda f: (f / "net.onnx").unlink(), "net.onnx is missing"),
    "missing test tensor": (lambda f: (f / "out.npy").unlink(), "outputs.0.test_tensor.source: .*out.npy is missing"),
    "missing description": (lambda f: (f / "rdf.yaml").unlink(), "rdf.yaml is missing"),
    "weights by URL": (_rdf(lambda v: v["weights"]["onnx"].update(source="https://example.org/net.onnx")),
                       "is not a file of the package; download it"),
    "test tensor outside": (_rdf(lambda v: v["inputs"][0]["test_tensor"].update(source="../in.npy")), "lies outside"),
    "weights at an absolute path": (_rdf(lambda v: v["weights"]["onnx"].update(source="/etc/passwd")), "lies outside"),
    "test tensor by a link": (_outside_by_link, "lies outside"),
    "no YAML": (lambda f: (f / "rdf.yaml").write_text("type: [model"), "rdf.yaml is not YAML"),
    "binary": (lambda f: (f / "rdf.yaml").write_bytes(bytes(range(128, 256))), "rdf.yaml is not YAML"),
    "a YAML tag": (lambda f: (f / "rdf.yaml").write_text("type: !!python/object/apply:os.getcwd []\n"), "without tags"),
    "billion laughs": (billion_laughs, "stands for more than 100000 values"),
    "deep YAML": (lambda f: (f / "rdf.yaml").write_text("[" * 10**5), "rdf.yaml is not YAML"),
    "another kind": (_rdf(lambda v: v.update(type="dataset")), "does not describe a model"),
    "pickle with code": (zipped_pickle, "asks for STACK_GLOBAL, which is code and not weights; nothing of it was run"),
    "old pickle with code": (legacy_pickle, r"asks for \w+.*, which is code and not weights; nothing of it was run"),
    "test tensor with code": (pickled_tensor, "in.npy holds no plain array"),
    "negative size": (_absurd_kernel((-1, 1, 3, 5, 5)), r"kernel has the absurd shape \(-1, 1, 3, 5, 5\)"),
    "huge weights": (_absurd_kernel((10**6, 10**6, 3, 5, 5)), "kernel has the absurd shape"),
    "more than there is": (_absurd_kernel((64, 1, 3, 5, 5)), "claims the shape .* 4800 values, but holds 75"),
    "huge input": (_graph(_absurd_input), "the tensor raw has the absurd shape"),
    "huge constant": (_graph(_bomb_in_the_graph), "the tensor bomb has the absurd shape"),
    "external data above": (external("../outside.bin", make=True), "'../outside.bin' lies outside"),
    "external data at /": (external("/etc/passwd"), "'/etc/passwd' lies outside"),
    "external data by a link": (external_link, "'values.bin' lies outside"),
    "external data missing": (external("gone.bin"), "gone.bin is missing"),
    "unknown operators": (_graph(lambda m: m.opset_import.add(domain="evil.ops", version=1)),
                          "uses operators of 'evil.ops'"),
    "unknown operator set": (_graph(lambda m: setattr(m.opset_import[0], "version", 999)), "operator set 999"),
    "no such operator": (_graph(lambda m: setattr(m.graph.node[1], "op_type", "Frobnicate")), "no valid ONNX graph"),
}  # fmt: skip
"""Name: how the package is spoilt, and what the refusal says."""


def zip_package(folder: Path, archive: Path) -> Path:
    """The sound package as a zip."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            file.write(path, path.name)
    return archive


def _entry(name: str, *, mode: int = stat.S_IFREG | 0o644, data: bytes = b"x") -> Attack:
    def attack(archive: Path) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr(info, data)

    return attack


def _bomb(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file, file.open("zeros.bin", "w") as entry:
        for _ in range(300):
            entry.write(bytes(2**20))


def _crowd(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as file:
        for n in range(1001):
            file.writestr(f"{n}.txt", b"")


def _flipped(archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    data[100] ^= 0xFF
    archive.write_bytes(data)


ZIPS: dict[str, tuple[Attack, str]] = {
    "entry above": (_entry("../outside.txt"), r"'\.\./outside.txt' does not lie inside"),
    "entry above, deeper": (_entry("a/../../outside.txt"), "does not lie inside"),
    "entry at /": (_entry("/outside.txt"), "does not lie inside"),
    "drive letter": (_entry("C:/outside.txt"), "does not lie inside"),
    "backslashes": (_entry("..\\outside.txt"), "does not lie inside"),
    "link": (_entry("link", mode=stat.S_IFLNK | 0o777, data=b"/etc/passwd"), "is a link or a device"),
    "same name": (_entry("NET.ONNX"), "the name 'NET.ONNX' occurs twice"),
    "bomb": (_bomb, "MB unpack to 315 MB, more than 200 times as much"),
    "crowd": (_crowd, "files, expected at most 1000"),
    "no zip": (lambda a: a.write_bytes(b"PK no zip"), "is no zip that can be read"),
    "damaged": (_flipped, "is no zip that can be read"),
}  # fmt: skip
