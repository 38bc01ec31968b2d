"""Prediction on a GPU: is it right, how fast is it, what does it take; in f32, in half precision, through TensorRT.

    python tests/benchmarks/gpu.py [--provider cuda|cpu] [--folder KEEP] [--minutes 6] [--side N] [--data FOLDER]

Rows, each in a process of its own, the most important first:

- F1 on the EPFL hippocampus (x 0..287, not trained on) against f32 on the processor: within 0.002 it is right;
- a bare session on one tile: voxels kept a second on the model's grid, also with two threads, which copy while it
  computes;
- `asem_core.segment` of noise on the model's own grid, and from twice finer voxels and back;
- the tests that are marked `gpu`.

A row that is done is kept in FOLDER and not measured again; past --minutes none is begun, and a second call goes on.
The folder then holds ``gpu.json`` and ``gpu.md``. ``--provider cpu`` runs all of it on the processor with small
volumes, through the code that a GPU runs.

A machine without network, where torch, onnxruntime-gpu, scikit-image, scipy, xarray, attrs, pluggy, tensorstore and
pytest are installed, is prepared on one with network and the same Python and system: ``make wheels`` fills ``dist``,
and

    pip download --only-binary=:all: --no-deps -d dist zarr numcodecs donfig google-crc32c ome-zarr-models \\
        bioimageio.core bioimageio.spec cattrs filelock imagecodecs importlib-metadata onnx openvino \\
        openvino-telemetry tifffile universal-pathlib pathlib-abc

adds what such machines lack (what else an import asks for, likewise). There, from the clone:

    python -m venv --system-site-packages env
    env/bin/pip install --no-index --no-deps --find-links dist dist/*.whl
    ASEM_DATA=folder_with_epfl_hippocampus env/bin/python tests/benchmarks/gpu.py --folder gpu
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
from _process import peak_bytes
from _rows import Row, in_process, is_kept, kept
from _volumes import COMPACT, DATA, EPFL, MODEL, SMALL, epfl, noise, score

from asem_core.geometry import Box
from asem_core.hookspecs import hookimpl
from asem_core.memory import gpu_free_memory
from asem_core.models.runtimes import device, tensorrt_runtime
from asem_core.network import TILE_HALO
from asem_core.specs import Capabilities, RuntimeSpec

STAND_IN = "stand-in"
WITHIN = 0.002
"""F1 that may be lost."""
ROOT = Path(__file__).parents[2]


@attrs.frozen(kw_only=True)
class Way:
    """How a tile is computed."""

    precision: str
    runtime: str = "onnxruntime"
    """In `segment`; the processor has its stand-in."""
    search: str = "HEURISTIC"
    folded: bool = False
    """Convolutions of upsampled tensors as transposed ones, as OpenVINO gets them."""

    def provider(self, name: str) -> device.Provider:
        """Of ONNX Runtime, on ``name``."""
        if name == "cpu":
            return device.PROCESSOR
        if self.runtime == "tensorrt":
            return tensorrt_runtime.provider(self.precision)
        return device.cuda(search=self.search)


WAYS = {
    "f16": Way(precision="f16"),
    "f32": Way(precision="f32"),
    "TensorRT f16": Way(precision="f16", runtime="tensorrt"),
    "f16, convolutions tried": Way(precision="f16", search="EXHAUSTIVE"),
    "f16, folded": Way(precision="f16", folded=True),
}


@attrs.frozen(kw_only=True)
class Size:
    """How much is computed."""

    side: int
    """Of the tile of a bare session."""
    repeats: int
    cube: int
    """Side of the volumes of noise."""
    part: Box
    """Of the EPFL volume."""
    model: str


SIZES = {
    "cuda": Size(side=360, repeats=5, cube=768, part=EPFL, model=MODEL),
    "cpu": Size(side=112, repeats=1, cube=48, part=SMALL, model=COMPACT),
}


class StandIn:
    """The processor in place of a GPU: buffers, half precision, comparison and threads are those of a GPU."""

    @hookimpl
    def asem_register_runtimes(self) -> list[RuntimeSpec]:
        """One."""
        return [RuntimeSpec(name=STAND_IN, summary="", probe=f"{__name__}:probe", open=f"{__name__}:open_session")]


def probe() -> Capabilities:
    """As a GPU states it."""
    return Capabilities(precisions=device.PRECISIONS, rank=0, at_once=device.BUFFERS)


def open_session(model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> Any:
    """As a GPU opens it."""
    return device.open_on(device.PROCESSOR, model, shape=shape, precision=precision, threads=threads)


def registry() -> Any:
    """All that is installed, and the stand-in."""
    import importlib_metadata

    from asem_core.plugins import make_manager
    from asem_core.registry import Registry

    point = SimpleNamespace(name=STAND_IN, load=StandIn, dist=SimpleNamespace(name=STAND_IN, version="1"))
    return Registry(make_manager([*importlib_metadata.entry_points(group="asem"), point]))


def bare(provider: str, way: Way, folder: Path, size: Size) -> Row:
    """One tile, again and again."""
    from asem_core.models.own import open_own
    from asem_core.models.runtimes.graph import graph_cost, static_graph
    from asem_core.models.runtimes.subpixel import without_upsampling
    from asem_core.processors import cores
    from asem_core.zoo.find import model_named

    installed = registry()
    graph = open_own(model_named(size.model, registry=installed).spec, registry=installed).onnx
    shape = (1, 1, *[size.side] * 3)
    if way.folded:
        folded = folder / "folded.onnx"
        folded.write_bytes(without_upsampling(static_graph(graph, shape)).SerializeToString())
        graph = folded
    cost, free, began = graph_cost(graph, shape), gpu_free_memory(), time.perf_counter()
    session = device.open_on(way.provider(provider), graph, shape=shape, precision=way.precision, threads=cores())
    opened = time.perf_counter() - began
    tile = np.random.default_rng(0).normal(0, 0.3, shape).astype(np.float32)
    seconds = []
    for _ in range(size.repeats + 1):
        began = time.perf_counter()
        session.run(tile)
        seconds.append(time.perf_counter() - began)
    began = time.perf_counter()
    with ThreadPoolExecutor(device.BUFFERS) as pool:
        list(pool.map(session.run, [tile] * 2 * size.repeats))
    both = (time.perf_counter() - began) / (2 * size.repeats)
    left = gpu_free_memory()
    taken = free - left if free is not None and left is not None else None
    alone, voxels = statistics.median(seconds[1:]), (size.side - 2 * TILE_HALO) ** 3
    return {
        "tile": [size.side] * 3, "voxels": voxels, "opened_seconds": opened, "first_seconds": seconds[0],
        "seconds": alone, "seconds_two_threads": both, "million_voxels_per_s": voxels / min(alone, both) / 1e6,
        "tflops": cost.flop / min(alone, both) / 1e12, "gpu_bytes": taken, "peak_bytes": peak_bytes(),
        "gpu_bytes_per_live_value": None if taken is None else taken / cost.live,
    }  # fmt: skip


def end_to_end(provider: str, way: Way, folder: Path, size: Size, voxel_nm: float) -> Row:
    """Read, predict, write, pyramid, verify."""
    from asem_core import segment

    raw = noise(folder / f"noise_{voxel_nm:g}nm.zarr", (size.cube,) * 3, voxel_nm=voxel_nm)
    made = segment(
        raw,
        folder / f"found_{voxel_nm:g}nm_{way.precision}.zarr",
        organelle="mito",
        model=size.model,
        registry=registry(),
        runtime=STAND_IN if provider == "cpu" else way.runtime,
        precision=way.precision,
        overwrite=True,
    )
    return {
        "voxels": made.voxels, "seconds": made.seconds, "tile": list(made.tile), "runtime": made.runtime,
        "million_voxels_per_s": made.voxels / made.seconds / 1e6, "peak_bytes": peak_bytes(),
    }  # fmt: skip


def right(provider: str, way: Way | None, folder: Path, size: Size, data: Path) -> Row:
    """F1 of a way, or with None of the processor in f32."""
    volumes = epfl(folder, data=data, roi=size.part)
    if volumes is None:
        return {"skipped": f"{data / 'epfl_hippocampus'} is not there (--data)"}
    if way is None:
        runtime, precision = "openvino", "f32"
    else:
        runtime, precision = STAND_IN if provider == "cpu" else way.runtime, way.precision
    found = folder / f"epfl_{runtime}_{precision}.zarr"
    return score(*volumes, found, model=size.model, registry=registry(), runtime=runtime, precision=precision)


def gpu_tests() -> Row:
    """``pytest -m gpu``."""
    import pytest

    file = ROOT / "tests" / "integration" / "test_gpu.py"
    code = pytest.main(["-q", "-m", "gpu", "-p", "no:cacheprovider", str(file)])
    return {"passed": code == 0, "exit": int(code)}


def rows(provider: str) -> list[tuple[str, str, str]]:
    """Title, kind and way of every row, in the order of their worth."""
    there = [name for name in WAYS if provider == "cuda" or name in ("f16", "f32", "f16, folded")]
    offered = {"f16", "f32", "TensorRT f16"}
    return [
        ("F1, f32 on the processor", "right", "processor"),
        ("F1, f16", "right", "f16"),
        ("bare, f16", "bare", "f16"),
        ("segment, 10 nm, f16", "end10", "f16"),
        ("segment, 5 to 10 nm and back, f16", "end5", "f16"),
        ("tests", "tests", ""),
        *((f"bare, {name}", "bare", name) for name in there if name != "f16"),
        *((f"F1, {name}", "right", name) for name in there if name in offered and name != "f16"),
        *((f"segment, 10 nm, {name}", "end10", name) for name in there if name in offered and name != "f16"),
    ]


def run_row(kind: str, name: str, args: argparse.Namespace) -> Row:
    """One row, here."""
    size, way = attrs.evolve(SIZES[args.provider], **({"side": args.side} if args.side else {})), WAYS.get(name)
    if kind == "tests":
        return gpu_tests()
    if kind == "right":
        return right(args.provider, way, args.folder, size, args.data)
    assert way is not None
    if kind == "bare":
        return bare(args.provider, way, args.folder, size)
    return end_to_end(args.provider, way, args.folder, size, 5.0 if kind == "end5" else 10.0)


def facts(provider: str) -> dict[str, Any]:
    """What it ran on."""
    import onnxruntime

    from asem_core.doctor import diagnose
    from asem_core.processors import cores

    found = diagnose(registry()).facts
    return {
        "provider": provider, "gpu": list(found["GPU"]), "processor": list(found["processor"]), "cores": cores(),
        "onnxruntime": onnxruntime.__version__, "cudnn": device.cudnn_version(), "python": platform.python_version(),
    }  # fmt: skip


def table(told: dict[str, Any], found: dict[str, Row]) -> str:
    """Markdown."""
    exact = found.get("F1, f32 on the processor", {}).get("f1_with_zone")
    head = [
        *(f"- {name}: {value}" for name, value in told.items()), "",
        "| | million voxels/s | s | tile | GPU GB | peak GB | F1 with / without zone | |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    return "\n".join([*head, *(_line(title, row, exact) for title, row in found.items())]) + "\n"


def _line(title: str, row: Row, exact: float | None) -> str:
    f1 = f"{row['f1_with_zone']:.4f} / {row['f1_without_zone']:.4f}" if "f1_with_zone" in row else ""
    note = row.get("error", row.get("skipped", ""))
    if f1 and exact is not None:
        lost = row["f1_with_zone"] - exact
        note = f"{lost:+.4f}: {'right' if abs(lost) <= WITHIN else 'WRONG'}"
    elif "tflops" in row:
        note = f"{row['tflops']:.2g} TFLOP/s; opened in {row['opened_seconds']:.0f} s"
    elif "passed" in row:
        note = "passed" if row["passed"] else f"FAILED ({row['exit']})"
    speed = f"{row['million_voxels_per_s']:.3g}" if "million_voxels_per_s" in row else ""
    giga = [f"{row[key] / 1e9:.1f}" if row.get(key) else "" for key in ("gpu_bytes", "peak_bytes")]
    seconds = f"{row['seconds']:.3f}" if "seconds" in row else ""
    tile, note = " x ".join(map(str, row.get("tile", ()))), (note.splitlines() or [""])[-1]
    return f"| {title} | {speed} | {seconds} | {tile} | {' | '.join(giga)} | {f1} | {note} |"


def main() -> None:
    """Measure what is not measured yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--provider", choices=list(SIZES), default="cuda")
    parser.add_argument("--folder", type=Path, default=Path("gpu_benchmark"), help="keeps rows, volumes and the tables")
    parser.add_argument("--minutes", type=float, default=6, help="after these no row goes on")
    parser.add_argument("--side", type=int, help="of the tile of a bare session: 112, 120 ...")
    parser.add_argument("--data", type=Path, default=DATA, help="holds epfl_hippocampus; by default $ASEM_DATA")
    parser.add_argument("--row", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.row:
        print(json.dumps(run_row(*args.row, args)))
        return
    if args.provider == "cuda" and not device.has_cuda():
        print("no GPU that ONNX Runtime can use: --provider cpu runs the same code on the processor")
        return
    found: dict[str, Row] = {}
    began = time.monotonic()
    told = kept(args.folder, "facts", lambda: facts(args.provider))
    for title, kind, way in rows(args.provider):
        left = 60 * args.minutes - (time.monotonic() - began)
        words = ["--row", kind, way, "--provider", args.provider, "--folder", args.folder, "--data", args.data]
        words += ["--side", args.side] if args.side else []
        if left > 0 or is_kept(args.folder, title):
            found[title] = kept(args.folder, title, partial(in_process, __file__, *words, seconds=left))
            print(_line(title, found[title], None), flush=True)
    found = {title: row for title, row in found.items() if "late" not in row}
    if len(found) < len(rows(args.provider)):
        print(f"{len(rows(args.provider)) - len(found)} rows are left: call again with --folder {args.folder}")
    (args.folder / "gpu.json").write_text(json.dumps({**told, "rows": found}, indent=2))
    (args.folder / "gpu.md").write_text(table(told, found))
    print("\n" + table(told, found), end="")
    wrong = [title for title, row in found.items() if "error" in row or row.get("passed") is False]
    sys.exit(f"failed: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
