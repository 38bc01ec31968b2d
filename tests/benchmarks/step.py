"""Seconds of a training iteration: the paper's block of 204^3 voxels, and those of the preset ``fast``.

    python tests/benchmarks/step.py [--device cpu] [--base N] [--side N] [--ways f32 bf16 compiled] [--calls N]

Every kind of block that a preset has, in float32, in bfloat16, and compiled by `torch.compile` (float32 on a processor,
bfloat16 on a GPU), which the training loop does not use. A block is noise that lies on the device: what draws blocks
works beside the iteration, and `train.py` measures it. The ways take turns and the fastest call of each counts, after
one that does not; beside the time on the clock stands that of the processor, on which other programs hardly tell. On
a GPU seconds per iteration are those of a row of calls, of which only the last is waited for, as in the loop.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import torch

from asem_core.network import CONTEXT
from asem_core.training.loop import choose_device, make_optimiser, step
from asem_core.training.memory import keep_freed_memory
from asem_core.training.recipe import Phase, Recipe, load_recipe
from asem_core.training.sample import Block
from asem_core.training.unet import UNet

WAYS = ("f32", "bf16", "compiled")
PRESETS = ("paper", "fast")
ON_GPU = 10
"""Calls that are timed together there."""


def kinds(preset: str, base: int | None, side: int | None) -> Iterator[tuple[Recipe, Phase]]:
    """A recipe of ``preset`` and its phases whose blocks differ; ``side`` makes them all smaller."""
    values: dict[str, Any] = {
        "preset": preset, "organelle": "mito", "voxel_size_nm": [10, 10, 10],
        "training": [{"raw": "none", "labels": "none"}], **({} if base is None else {"base": base}),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "recipe.yaml"
        file.write_text(json.dumps(values))
        recipe = load_recipe(file)
    seen = set()
    for phase in recipe.phases:
        if (phase.side, phase.padded) not in seen:
            seen.add((phase.side, phase.padded))
            small = phase.side if side is None else side - side % 8 + (0 if phase.padded else 4)
            yield recipe, attrs.evolve(phase, side=min(small, phase.side))


def iteration(recipe: Recipe, phase: Phase, way: str, device: torch.device) -> Callable[[], object]:
    """A call that trains a network of its own on a block of its own."""
    torch.manual_seed(0)
    chosen = attrs.evolve(recipe, mixed_precision=way == "bf16")
    network = UNet(recipe.base, normalise=recipe.normalise).to(device, memory_format=torch.channels_last_3d)
    optimiser = make_optimiser(network, recipe.optimiser)
    core = phase.side if phase.padded else phase.side - CONTEXT
    raw = torch.rand((recipe.batch, 1, *[phase.side] * 3), device=device)
    block = Block(
        raw=2 * raw - 1,
        labels=(raw[:, 0, :core, :core, :core] > 0.5).long(),
        mask=torch.ones((recipe.batch, *[core] * 3), device=device),
    )
    if way == "compiled":
        network.compile()
        chosen = attrs.evolve(chosen, mixed_precision=device.type == "cuda")
    return lambda: step(network, optimiser, block, chosen, phase)


def measure(ways: dict[str, Callable[[], object]], device: torch.device, calls: int) -> dict[str, dict[str, float]]:
    """Least seconds of a call of each, on the clock and of the processor."""
    together = ON_GPU if device.type == "cuda" else 1
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(calls + 1):
        for name, call in ways.items():
            began = time.perf_counter(), time.process_time()
            for _ in range(together):
                call()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if number:  # the first is made ready, compiled and tuned
                spent = time.perf_counter() - began[0], time.process_time() - began[1]
                taken[name].append((spent[0] / together, spent[1] / together))
    return {
        name: {"seconds": min(clock for clock, _ in each), "cpu_seconds": min(used for _, used in each)}
        for name, each in taken.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--base", type=int, help="features of the first level; by default the preset's")
    parser.add_argument("--side", type=int, help="make blocks smaller than the presets have them: 96 or more")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["f32", "bf16"])
    parser.add_argument("--calls", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    keep_freed_memory()
    torch.backends.cudnn.benchmark = True
    device = choose_device(args.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"{device}: {name}, torch {torch.__version__}\n")
    print("| preset | block | way | s an iteration | s of the processor | ratio |\n|---|---|---|---|---|---|")
    rows = []
    for preset in PRESETS:
        for recipe, phase in kinds(preset, args.base, args.side):
            found = measure({way: iteration(recipe, phase, way, device) for way in args.ways}, device, args.calls)
            block = f"{recipe.batch} x {phase.side}^3{' padded' if phase.padded else ''}, base {recipe.base}"
            clock = "seconds" if device.type == "cuda" else "cpu_seconds"
            for way, each in found.items():
                ratio = next(iter(found.values()))[clock] / each[clock]
                rows.append({"preset": preset, "block": block, "way": way, **each, "ratio": ratio})
                print(
                    f"| {preset} | {block} | {way} | {each['seconds']:.3f} | {each['cpu_seconds']:.3f} | {ratio:.2f} |",
                    flush=True,
                )
    if args.json:
        args.json.write_text(json.dumps({"device": name, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
