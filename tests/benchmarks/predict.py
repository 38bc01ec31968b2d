"""Speed and memory of prediction: the published way, plain onnxruntime, and ours, on one network, in one run.

    python tests/benchmarks/predict.py [--quick] [--json FILE]

Every row runs in a process of its own, so that its peak memory is its own; rows are compared as ratios, because
machines are noisy. Quantities: voxels of output per second; peak resident memory; ratio to the published way.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

NETWORK = "network.onnx"
PUBLISHED_SIDE, PUBLISHED_STRIDE = 204, 110
SEED = 5


def timed(run: Callable[[], object], repeats: int) -> float:
    """Median seconds of ``repeats`` runs after one that is not counted."""
    run()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def published(folder: Path, repeats: int) -> dict[str, Any]:
    """Torch, fp32, blocks of 204 -> 110, stride 110."""
    import torch

    from asem_core.training.unet import UNet

    torch.manual_seed(SEED)
    network = UNet(32).eval()
    block = torch.rand(1, 1, *[PUBLISHED_SIDE] * 3)
    with torch.no_grad():
        seconds = timed(lambda: torch.softmax(network(block), dim=1), repeats)
    return {"seconds": seconds, "voxels": PUBLISHED_STRIDE**3, "note": "torch fp32, 204 -> 110"}


def plain_onnxruntime(folder: Path, repeats: int) -> dict[str, Any]:
    """The package's graph in onnxruntime with its defaults, blocks of the same size."""
    import onnxruntime as ort

    session = ort.InferenceSession(str(folder / NETWORK), providers=["CPUExecutionProvider"])
    side = PUBLISHED_SIDE + 4
    block = {session.get_inputs()[0].name: np.zeros((1, 1, side, side, side), np.float32)}
    return {
        "seconds": timed(lambda: session.run(None, block), repeats),
        "voxels": PUBLISHED_STRIDE**3,
        "note": "onnxruntime fp32, 204 -> 110",
    }


def bare_session(folder: Path, repeats: int) -> dict[str, Any]:
    """Our session, alone, on the tile that the benchmark's volume gets."""
    from asem_core.predict import plan as planning
    from asem_core.registry import make_registry

    registry = make_registry()
    plan = _plan(folder, registry, folder / "bare.zarr")
    session = planning.plan_session(plan, registry)
    keep, side = plan.lattice.keep, plan.lattice.side
    block = np.random.default_rng(SEED).random((1, 1, *side), np.float32)
    return {
        "seconds": timed(lambda: session.run(block), repeats),
        "voxels": math.prod(keep),
        "note": f"{session.runtime} {session.precision}, tile {side}, keeps {keep}",
    }


def end_to_end(folder: Path, repeats: int) -> dict[str, Any]:
    """Read, infer and write a chunked volume on the model's own grid."""
    from asem_core.predict.passes import run_plan
    from asem_core.registry import make_registry

    registry = make_registry()
    plan = _plan(folder, registry, folder / "whole.zarr")
    result = run_plan(plan, registry=registry)
    return {"seconds": result.seconds, "voxels": result.voxels, "note": f"{len(plan.tiles)} tiles, {plan.roi.shape}"}


def resampled(model: str, folder: Path, repeats: int) -> dict[str, Any]:
    """An installed mito model of 10 nm on a volume of half its voxel size: input voxels per second."""
    import attrs

    from asem_core import open_volume, segment
    from asem_core.geometry import VoxelSize
    from asem_core.registry import make_registry

    registry = make_registry()
    organelle = registry.organelles["mito"]
    volume = attrs.evolve(open_volume(folder / "fine.zarr", registry=registry), voxel_size=VoxelSize((5.0, 5.0, 5.0)))
    result = segment(volume, folder / f"{model}.zarr", organelle=organelle, model=model, registry=registry)
    note = f"{result.model}, {result.runtime} {result.precision}, tile {result.tile}, {volume.shape}"
    return {"seconds": result.seconds, "voxels": result.voxels, "note": note}


ROWS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "published way": published,
    "plain onnxruntime": plain_onnxruntime,
    "ours, bare session": bare_session,
    "ours, end to end": end_to_end,
    "mito-10nm, two-fold finer input": partial(resampled, "mito-10nm"),
    "mito-compact-10nm, two-fold finer input": partial(resampled, "mito-compact-10nm"),
}


def _plan(folder: Path, registry: Any, output: Path) -> Any:
    from asem_core import open_volume
    from asem_core.models.find import find_model
    from asem_core.predict.plan import Settings, make_plan
    from asem_core.specs import ModelSpec, OrganelleSpec, StageRef
    from asem_core.zoo.files import file_sha256

    sys.path.insert(0, str(folder))
    model = ModelSpec(
        id="bench",
        version="1",
        package="asem_bench_package:model",
        voxel_size_nm=(10.0, 10.0, 10.0),
        preprocess=(StageRef(name="scale_linear"),),
        licence="none",
        trained_on="nothing",
        sha256=file_sha256(folder / "asem_bench_package" / "model" / "weights.onnx"),
    )
    organelle = OrganelleSpec(
        name="bench",
        title="Bench",
        exclusion_zone=StageRef(name="shell", params={"dilate": 1, "erode": 1}),
        models=(model,),
        default_model="bench",
    )
    settings = Settings()
    volume = open_volume(folder / "raw.zarr", registry=registry)
    with find_model(None, organelle=organelle, registry=registry) as found:
        return make_plan(
            volume,
            output,
            organelle=organelle,
            model=found,
            registry=registry,
            settings=settings,
            mask=None,
            overwrite=False,
        )


def prepare(folder: Path, *, quick: bool) -> None:
    """A base-32 network with random weights as a package, and two volumes of noise."""
    import torch

    from asem_core.geometry import Box, VoxelSize
    from asem_core.network import LEAST_SIDE, POOLING, TILE_HALO
    from asem_core.training.export import export_onnx, round_to_fp16
    from asem_core.training.unet import UNet
    from asem_core.volume.formats.ome_write import ArrayPlan, create_ome_zarr

    torch.manual_seed(SEED)
    network = UNet(32).eval()
    network.load_state_dict(round_to_fp16(network.state_dict()))
    model = folder / "asem_bench_package" / "model"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").touch()
    taken = [{"type": "space", "id": a, "size": {"min": LEAST_SIDE, "step": POOLING}} for a in "zyx"]
    given = [{"type": "space", "id": a, "halo": TILE_HALO} for a in "zyx"]
    rdf = {"type": "model", "inputs": [{"axes": taken}], "outputs": [{"axes": given}]}
    (model / "rdf.yaml").write_text(json.dumps(rdf))
    export_onnx(network, model / "weights.onnx")
    (folder / NETWORK).symlink_to(model / "weights.onnx")
    raw = (192, 192, 192) if quick else (512, 512, 384)
    fine = (128, 512, 512) if quick else (165, 768, 1024)
    for name, shape in (("raw", raw), ("fine", fine)):
        plan = ArrayPlan(shape=shape, dtype=np.dtype(np.uint8), chunk=(64, 64, 64))
        out = create_ome_zarr(
            folder / f"{name}.zarr",
            image=plan,
            labels={},
            voxel_size=VoxelSize((10.0, 10.0, 10.0)),
            lower_edge_nm=(0.0, 0.0, 0.0),
            provenance={},
        )
        noise = np.random.default_rng(SEED)
        for slab in Box.of_shape(shape).tiles((64, *shape[1:])):
            out.image[slab.slices] = noise.integers(60, 200, slab.shape, np.uint8)


def cpu() -> str:
    """Name of the processor and the instructions that matter here."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    name = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "?")
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    return f"{name}; " + ", ".join(f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags)


def main() -> None:
    """Run every row in its own process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller volumes, one repeat")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--row", choices=list(ROWS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    repeats = 1 if args.quick else 3
    if args.row:
        found = ROWS[args.row](args.folder, repeats)
        found["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(found))
        return
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, quick=args.quick)
        for row in ROWS:
            command = [sys.executable, __file__, "--row", row, "--folder", name] + ["--quick"] * args.quick
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                sys.exit(f"{row} failed:\n{run.stderr}")
            results[row] = json.loads(run.stdout.splitlines()[-1])
            results[row]["voxels_per_s"] = results[row]["voxels"] / results[row]["seconds"]
    base = results["published way"]["voxels_per_s"]
    print(cpu())
    print(f"{'':40} {'Mvoxel/s':>9} {'ratio':>6} {'peak GB':>8}")
    for row, found in results.items():
        found["ratio"] = found["voxels_per_s"] / base
        speed, peak = found["voxels_per_s"] / 1e6, found["peak_bytes"] / 1e9
        print(f"{row:40} {speed:9.3f} {found['ratio']:6.2f} {peak:8.2f}   {found['note']}")
    whole, bare = results["ours, end to end"], results["ours, bare session"]
    print(f"end to end / bare session: {whole['voxels_per_s'] / bare['voxels_per_s']:.3f}")
    if args.json:
        args.json.write_text(json.dumps({"cpu": cpu(), "rows": results}, indent=2))


if __name__ == "__main__":
    main()
