"""The path around the network: what reading, resampling and writing cost when the network costs nothing.

    python tests/benchmarks/path.py [--side 512] [--rows TEXT ...] [--json FILE]

A volume goes through `asem_core.segment` with an installed mito model whose graph is never run: the runtime of this
benchmark hands back a block that was made when it was opened. Every row runs in a process of its own, and is counted
from the first voxel that is read to the last that is verified: what comes before does not grow with the volume. Speed
is input voxels for every second of the processor, all threads added, user and system: what other programs do on the
machine hardly tells. Behind it are nanoseconds of the processor for each input voxel by sweep, and a digest of all
voxels that were written, pyramid included, by which two versions of the engine can be compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from _process import measure, peak_bytes

from asem_core.hookspecs import hookimpl
from asem_core.specs import Capabilities, Precision, RuntimeSpec

SEED = 5
RUNTIME = "nothing"
MEMORY = 9 * 10**9
"""What a run may take, so that its tiles are always the same."""


@attrs.frozen
class Row:
    """What is measured."""

    source: str
    """``sections`` or ``zarr``."""
    dtype: str
    """Of the source."""
    voxel_nm: float
    """Of the source; the model's voxels have 10 nm."""
    prob_dtype: str


ROWS = {
    "OME-Zarr, 10 nm": Row("zarr", "uint8", 10, "uint8"),
    "OME-Zarr, 10 nm, float output": Row("zarr", "uint8", 10, "float32"),
    "OME-Zarr, 5 -> 10 nm and back": Row("zarr", "uint8", 5, "uint8"),
    "OME-Zarr, 5 -> 10 nm and back, float output": Row("zarr", "uint8", 5, "float32"),
    "OME-Zarr uint16, 5 -> 10 nm and back": Row("zarr", "uint16", 5, "uint8"),
    "OME-Zarr, 4 -> 10 nm and back": Row("zarr", "uint8", 4, "uint8"),
    "TIFF sections, 10 nm": Row("sections", "uint8", 10, "uint8"),
    "TIFF sections, 5 -> 10 nm and back": Row("sections", "uint8", 5, "uint8"),
}


class Nothing:
    """The runtime of this benchmark, as a plugin."""

    @hookimpl
    def asem_register_runtimes(self) -> list[RuntimeSpec]:
        """One."""
        return [RuntimeSpec(name=RUNTIME, summary="", probe=f"{__name__}:probe", open=f"{__name__}:open_session")]


def probe() -> Capabilities:
    """With the memory of OpenVINO in 8-bit integers, so that tiles are those of the default."""
    return Capabilities(precisions=(Precision(name="f32", bytes_per_value=1.2, speed=1e6),), rank=0)


def open_session(model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> NoSession:
    """See `NoSession`."""
    return NoSession(shape)


class NoSession:
    """Hands back one smooth block of probabilities, whatever it is given."""

    runtime, precision = RUNTIME, "f32"

    def __init__(self, shape: tuple[int, ...]) -> None:
        blobs = texture().astype(np.float32) / 255
        tiled = np.tile(blobs, [-(-n // side) for n, side in zip(shape[-3:], blobs.shape, strict=True)])
        self._block = np.ascontiguousarray(tiled[tuple(slice(n) for n in shape[-3:])]).reshape(shape)

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `asem_core.models.runtimes.session.Session.run`."""
        return self._block


def texture() -> npt.NDArray[np.uint8]:
    """Blobs with saturated insides, such as a network makes, ``(96, 96, 96)``."""
    from scipy import ndimage

    noise = ndimage.gaussian_filter(np.random.default_rng(SEED).normal(size=(96,) * 3), 5, mode="wrap")
    return np.clip(128 + 300 * noise / noise.std(), 0, 255).astype(np.uint8)


def make(folder: Path, row: Row, side: int) -> Path:
    """A cube of blobs in noise; the microscope's noise is what makes real volumes compress badly."""
    import tifffile
    import zarr

    rng = np.random.default_rng(SEED)
    tile = np.clip(texture() * 0.4 + rng.normal(70, 10, size=(96,) * 3), 0, 255)
    tile = tile.astype(np.uint8) if row.dtype == "uint8" else (tile * 257).astype(np.uint16)
    cube = np.tile(tile, (-(-side // 96),) * 3)[:side, :side, :side]
    place = folder / "raw"
    if row.source == "sections":
        place.mkdir()
        for z, section in enumerate(cube):
            tifffile.imwrite(place / f"section_{z:04}.tif", section)
    else:
        codec: Any = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1}
        array = zarr.create_array(
            place, shape=cube.shape, dtype=cube.dtype, chunks=(64,) * 3, zarr_format=2, compressors=codec
        )
        array[:] = cube
    return place


class Meter:
    """A `Progress` that adds up seconds of the processor, user and system, by sweep."""

    def __init__(self) -> None:
        self.seconds: dict[str, npt.NDArray[np.float64]] = {}
        self._at, self._sweep = used(), "plan"

    def __call__(self, sweep: str, done: int, total: int) -> None:
        """Count what has passed since the last call."""
        now, name = used(), self._sweep.split()[0]
        self.seconds[name] = self.seconds.get(name, np.zeros(2)) + now - self._at
        self._at, self._sweep = now, sweep


def used() -> npt.NDArray[np.float64]:
    """Seconds of the processor that this process has taken, user and system."""
    found = resource.getrusage(resource.RUSAGE_SELF)
    return np.array([found.ru_utime, found.ru_stime])


def run_row(row: Row, source: Path, output: Path) -> dict[str, Any]:
    """One row, here."""
    import importlib_metadata

    from asem_core import open_volume, segment
    from asem_core.plugins import make_manager
    from asem_core.registry import Registry

    point = SimpleNamespace(name=RUNTIME, load=Nothing, dist=SimpleNamespace(name=RUNTIME, version="1"))
    registry = Registry(make_manager([*importlib_metadata.entry_points(group="asem"), point]))
    volume, meter = open_volume(source, voxel_size=(row.voxel_nm,) * 3, registry=registry), Meter()
    segment(
        volume,
        output,
        organelle="mito",
        model="mito-10nm",
        registry=registry,
        runtime=RUNTIME,
        max_memory=MEMORY,
        prob_dtype=row.prob_dtype,  # type: ignore[arg-type]
        progress=meter,
    )
    meter("", 0, 0)
    sweeps = {name: list(seconds) for name, seconds in meter.seconds.items()}
    return {"voxels": int(np.prod(volume.shape)), "sweeps": sweeps, "peak_bytes": peak_bytes()}


def digest(output: Path) -> str:
    """Of the voxels of all arrays."""
    import zarr

    found = hashlib.sha256()
    for place in sorted(path.parent for path in output.rglob(".zarray")):
        found.update(place.relative_to(output).as_posix().encode() + np.asarray(zarr.open_array(place)[:]).tobytes())
    return found.hexdigest()[:12]


def main() -> None:
    """Run the rows and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512, help="of the volume, voxels")
    parser.add_argument("--rows", nargs="*", default=[""], help="only rows whose names hold one of these")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        name, source, output = args.run
        print(json.dumps(run_row(ROWS[name], Path(source), Path(output))))
        return
    print("| | million voxels/s and core | s of the processor | of these system | peak GB | ns by sweep | digest |")
    print("|---|---|---|---|---|---|---|")
    results = {}
    for name in (name for name in ROWS if any(part in name for part in args.rows)):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            found = measure(__file__, "--run", name, str(make(folder, ROWS[name], args.side)), str(folder / "out.zarr"))
            found["digest"] = digest(folder / "out.zarr")
        results[name] = found
        del found["sweeps"]["plan"]
        user, system = np.sum(list(found["sweeps"].values()), axis=0)
        each = ", ".join(f"{sweep} {sum(s) / found['voxels'] * 1e9:.1f}" for sweep, s in found["sweeps"].items())
        print(
            f"| {name} | {found['voxels'] / (user + system) / 1e6:.1f} | {user + system:.2f} | {system:.2f} "
            f"| {found['peak_bytes'] / 1e9:.2f} | {each} | {found['digest']} |",
            flush=True,
        )
    if args.json:
        args.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
