"""Every package under several versions of bioimageio.core: its test, and blockwise prediction against our engine.

    python tests/benchmarks/bioimageio_versions.py [ID ...] [--core 0.11 0.9] [--work FOLDER]

Each version gets a fresh virtual environment with onnxruntime and neither torch nor ASEM. The volume is the package's
test input, mirrored to 208 voxels a side; compared is every voxel at least 52 from a face, because versions differ
in what they put beyond a face. Without ID: every installed model. With --work the environments are kept and reused.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

from asem_core import make_registry, open_volume, segment
from asem_core.geometry import Box, VoxelSize
from asem_core.network import TILE_HALO
from asem_core.zoo.find import Listed, all_models, model_named
from asem_core.zoo.write.export import export_zip

SIDE = 208
"""Of the volume, and of a block, 112 + 12 * 8: with a halo of 52 they lie two along each axis."""
COMPARED = Box((TILE_HALO,) * 3, (SIDE - TILE_HALO,) * 3)
TILE = 296
"""Of our engine: one holds all that is compared."""
PREDICT = """
import os, sys
import numpy as np
from bioimageio.core import create_prediction_pipeline, load_model_description, predict
model = load_model_description(sys.argv[1], perform_io_checks=False)
pipeline = create_prediction_pipeline(model, weight_format="onnx")
pipeline.load()
result = predict(model=pipeline, inputs=sys.argv[2], blocksize_parameter=12)
np.save(sys.argv[3], next(iter(result.members.values())).data.values)
os._exit(0)
"""
"""`bioimageio predict --blockwise`, whose block size is fixed in the command lines before 0.11. It leaves without
unloading the pipeline: 0.11 waits for its own worker for ever then."""
LARGEST_DIFFERENCE = 1e-5


def environment(folder: Path, core: str) -> Path:
    """Folder of the programs of a virtual environment with that version of bioimageio.core."""
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    if not (programs / "bioimageio").exists():
        venv.create(folder, clear=True, with_pip=True)
        # The pins: from pydantic 2.14 on, bioimageio.spec 0.5.12 breaks.
        wanted = [f"bioimageio.core=={core}.*", "pydantic<2.14", "onnxruntime"]
        subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", *wanted], check=True)
    return programs


def versions(programs: Path) -> str:
    """What is installed there."""
    listed = subprocess.run(
        [programs / "python", "-m", "pip", "list"], check=True, capture_output=True, text=True
    ).stdout
    found = dict(re.findall(r"^(\S+)\s+(\S+)", listed, re.MULTILINE))
    return f"{found['bioimageio.core']} (spec {found['bioimageio.spec']}, onnxruntime {found['onnxruntime']})"


def sample(model: Listed) -> npt.NDArray[np.uint8]:
    """The package's test input as a larger volume."""
    block = np.load(model.folder / "test_input.npy")[0, 0]
    return np.pad(np.rint(block), [(0, SIDE - side) for side in block.shape], "symmetric").astype(np.uint8)


def ours(model: Listed, raw: npt.NDArray[np.uint8], folder: Path) -> npt.NDArray[np.float32]:
    """The probability by our engine, of the voxels that are compared."""
    tifffile.imwrite(folder / "raw.tif", raw, photometric="minisblack")
    volume = open_volume(folder / "raw.tif", voxel_size=VoxelSize(model.spec.voxel_size_nm))
    segment(volume, folder / "ours.zarr", organelle=model.organelle, model=model.spec.id, runtime="onnxruntime",
            precision="f32", prob_dtype="float32", roi=COMPARED, tile=TILE, overwrite=True)  # fmt: skip
    result = open_volume(folder / "ours.zarr")
    return np.asarray(result.read(result.box), np.float32)


def theirs(programs: Path, package: Path, raw: npt.NDArray[np.uint8], folder: Path) -> npt.NDArray[np.float32]:
    """The probability by blockwise prediction of bioimageio.core."""
    source, result = folder / "raw.npy", folder / "theirs.npy"
    np.save(source, raw[None, None].astype(np.float32))
    subprocess.run([programs / "python", "-c", PREDICT, package, source, result], check=True, capture_output=True)
    return np.asarray(np.load(result)[0, 0], np.float32)


def passes(programs: Path, package: Path) -> bool:
    """Whether `bioimageio test` passes, said by its exit status and its own word."""
    done = subprocess.run(
        [programs / "bioimageio", "test", package, "--weight-format", "onnx"], capture_output=True, text=True
    )
    return done.returncode == 0 and bool(re.search(r"status\W+passed", done.stdout + done.stderr))


def main() -> None:
    """Print the table; exit with 1 where a package does not pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="ID")
    parser.add_argument("--core", nargs="+", default=["0.11", "0.9"], help="versions of bioimageio.core")
    parser.add_argument("--work", type=Path, help="keep environments and volumes in this folder")
    given = parser.parse_args()
    registry = make_registry()
    models = [model_named(name, registry=registry) for name in given.models] or list(all_models(registry))
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        work = given.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        print("| model | bioimageio.core | test | largest difference of the probability | voxels compared |")
        print("|---|---|---|---|---|", flush=True)
        for model in models:
            folder = work / model.spec.id
            folder.mkdir(exist_ok=True)
            package = export_zip(model.folder, (folder / "package.zip").absolute(), overwrite=True)
            raw = sample(model)
            reference = ours(model, raw, folder)
            for core in given.core:
                programs = environment((work / f"core_{core}").absolute(), core)
                passed = passes(programs, package)
                found = theirs(programs, package, raw, folder.absolute())
                worst = float(np.abs(found[COMPARED.slices] - reference).max())
                good &= passed and worst <= LARGEST_DIFFERENCE
                print(f"| {model.spec.id} | {versions(programs)} | {'passed' if passed else 'failed'} | {worst:.1e} | "
                      f"{reference.size:,}, {(reference >= 0.5).mean():.1%} of them organelle |",
                      flush=True)  # fmt: skip
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
