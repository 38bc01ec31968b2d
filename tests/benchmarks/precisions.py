"""One tile of a model in every precision, and by ONNX Runtime, in turns.

    python tests/benchmarks/precisions.py [--model ID] [--side Z,Y,X] [--rounds N]

Bare sessions: nothing is read, resampled or written. F1 and the speed from reading to writing are what
`asem zoo quantise` measures, and the model's card states. A round runs each once, and the fastest of each counts.
Beside the time on the clock stands that of the processor, which hardly depends on what else the machine does. ONNX
Runtime runs the graph in 8-bit integers too.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from asem_core import make_registry
from asem_core.models.own import open_own
from asem_core.models.runtimes import onnx_runtime, openvino_runtime
from asem_core.network import TILE_HALO
from asem_core.specs import Capabilities
from asem_core.zoo.find import model_named

CORES = 2


def sessions(model: Any, shape: tuple[int, ...]) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What is compared, by name."""
    can = openvino_runtime.probe()
    for precision in can.precisions if isinstance(can, Capabilities) else ():
        graph = model.int8 if precision.quantised else model.onnx
        if graph is not None:
            session = openvino_runtime.open_session(graph, shape=shape, precision=precision.name, threads=CORES)
            yield f"OpenVINO {precision.name}", session.run
    yield "ONNX Runtime f32", onnx_runtime.open_session(model.onnx, shape=shape, precision="f32", threads=CORES).run
    if model.int8 is not None:
        quantised = onnx_runtime.open_session(model.int8, shape=shape, precision="f32", threads=CORES)
        yield "ONNX Runtime int8", quantised.run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mito-10nm")
    parser.add_argument("--side", default="192,200,248", help="of the tile, voxels of the model")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    side = tuple(int(n) for n in args.side.split(","))
    registry = make_registry()
    model = open_own(model_named(args.model, registry=registry).spec, registry=registry)
    tile = np.random.default_rng(0).normal(0, 0.3, size=(1, 1, *side)).astype(np.float32)
    compared = dict(sessions(model, tile.shape))
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in compared}
    for _ in range(args.rounds):
        for name, run in compared.items():
            began = time.perf_counter(), time.process_time()
            run(tile)
            rounds[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    kept = math.prod(n - 2 * TILE_HALO for n in side)
    best = {name: tuple(min(each) for each in zip(*found, strict=True)) for name, found in rounds.items()}
    slowest = max(used for _, used in best.values())
    print(f"{openvino_runtime.processor()}, {CORES} threads, {args.model}, tile {' x '.join(map(str, side))}\n")
    print("| | s on the clock | s of the processor | million voxels kept/s and core | ratio |\n|---|---|---|---|---|")
    for name, (clock, used) in best.items():
        print(f"| {name} | {clock:.2f} | {used:.2f} | {kept / used / 1e6:.3f} | {slowest / used:.2f} |")


if __name__ == "__main__":
    main()
