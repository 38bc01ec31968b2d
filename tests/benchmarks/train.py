"""Speed of training and of torch's prediction, on a GPU where there is one, in one run.

    python tests/benchmarks/train.py [--device cpu] [--base 32] [--seconds 4] [--json FILE]

Rows: a training iteration of every kind that the preset ``fast`` has (padded and valid blocks, float32 and bfloat16),
with the sampler that feeds it; then prediction, the published way (float32, blocks of 204 -> 110) and ours (float32
and bfloat16). A training row counts voxels that the loss sees, a prediction row voxels of output.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asem_core.training.loop import choose_device, make_optimiser, step
from asem_core.training.recipe import Phase, Recipe, structure_recipe
from asem_core.training.sample import Sampler
from asem_core.training.unet import CONTEXT, UNet
from asem_core.training.validate import predict
from asem_core.training.volumes import LabelledVolume

SIDE = 256
PUBLISHED_SIDE = 204


def per_call(run: Callable[[int], object], device: torch.device, seconds: float) -> float:
    """Seconds of a call of ``run``, which is given its number: the mean after three that are not counted."""
    for number in range(3):
        run(number)
    _wait(device)
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        run(calls)
        calls += 1
        _wait(device)
    return (time.perf_counter() - began) / calls


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def training_rows(volume: LabelledVolume, base: int, device: torch.device, seconds: float) -> Iterator[dict[str, Any]]:
    """One row for every kind of training iteration."""
    for mixed in (False, True):
        for phase, batch in ((Phase(iterations=1, side=96, padded=True), 2), (Phase(iterations=1, side=172), 1)):
            recipe = _recipe(base, phase, batch, mixed)
            network = UNet(base, normalise=True).to(device, memory_format=torch.channels_last_3d)
            optimiser = make_optimiser(network, recipe.optimiser)
            sampler = Sampler([volume], recipe, device)
            block = sampler.batch(0, phase)
            alone = per_call(lambda _: step(network, optimiser, block, recipe, phase), device, seconds)  # noqa: B023
            drawing = per_call(lambda number: sampler.batch(number, phase), device, seconds)  # noqa: B023
            core = phase.side if phase.padded else phase.side - CONTEXT
            yield {
                "what": f"train, {phase.side}^3 {'padded' if phase.padded else 'valid'}, batch {batch}",
                "precision": "bf16" if mixed else "f32",
                "seconds": alone,
                "sampler_seconds": drawing,
                "voxels_per_second": batch * core**3 / max(alone, drawing),
                "gpu_bytes": _peak(device),
            }


def prediction_rows(volume: LabelledVolume, base: int, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row for every way to predict."""
    network = UNet(base).eval().to(device, memory_format=torch.channels_last_3d)
    block = torch.rand(1, 1, *[PUBLISHED_SIDE] * 3, device=device)
    with torch.no_grad():
        seconds = per_call(lambda _: torch.softmax(network(block), dim=1), device, 1)
    what = f"published way, {PUBLISHED_SIDE} -> {PUBLISHED_SIDE - CONTEXT}"
    yield _prediction(what, "f32", seconds, (PUBLISHED_SIDE - CONTEXT) ** 3, device)
    for mixed in (False, True):
        seconds = per_call(
            lambda _: predict(network, volume.raw, device, mixed_precision=mixed),  # noqa: B023
            device,
            1,
        )
        yield _prediction(f"ours, {SIDE}^3 in memory", "bf16" if mixed else "f32", seconds, SIDE**3, device)


def _prediction(what: str, precision: str, seconds: float, voxels: int, device: torch.device) -> dict[str, Any]:
    return {
        "what": what, "precision": precision, "seconds": seconds, "voxels_per_second": voxels / seconds,
        "gpu_bytes": _peak(device),
    }  # fmt: skip


def _peak(device: torch.device) -> int | None:
    if device.type != "cuda":
        return None
    peak = torch.cuda.max_memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    return peak


def _recipe(base: int, phase: Phase, batch: int, mixed: bool) -> Recipe:
    data = {"raw": "none", "labels": "none"}
    only = {"iterations": 1, "side": phase.side, "padded": phase.padded}
    values = {
        "organelle": "mito", "voxel_size_nm": [10, 10, 10], "training": [data], "base": base, "normalise": True,
        "batch": batch, "mixed_precision": mixed, "phases": [only], "augment": {"noise": 0.05},
    }  # fmt: skip
    return structure_recipe(values, where="benchmark")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--base", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=4.0, help="per training row")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    device = choose_device(args.device)
    noise = np.random.default_rng(0)
    volume = LabelledVolume(
        name="noise",
        raw=noise.random((SIDE,) * 3, np.float32),
        labels=(noise.random((SIDE,) * 3) < 0.2).astype(np.uint8),
        share=1.0,
    )
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"{device}: {name}, torch {torch.__version__}, base {args.base}")
    rows = []
    for row in (*training_rows(volume, args.base, device, args.seconds), *prediction_rows(volume, args.base, device)):
        rows.append(row)
        memory = f"{row['gpu_bytes'] / 2**30:6.1f} GiB" if row["gpu_bytes"] else ""
        feeding = f" (sampler {1000 * row['sampler_seconds']:.1f} ms)" if "sampler_seconds" in row else ""
        print(
            f"{row['what']:36s} {row['precision']:5s} {1000 * row['seconds']:9.1f} ms "
            f"{row['voxels_per_second'] / 1e6:8.2f} M voxels/s {memory}{feeding}",
            flush=True,
        )
    if args.json:
        args.json.write_text(json.dumps({"device": name, "base": args.base, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
