"""Every verb that is a job, on volumes so small that it takes about a second."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import tensorstore
import tifffile
import zarr
from scipy import ndimage

SHAPE = (66, 40, 270)
"""More than one block of every verb."""


@attrs.frozen
class Verb:
    """A command, and what it writes."""

    name: str
    output: str
    words: str
    """As typed; {out} stands for the output, other names for inputs."""
    other: str
    """More words, with which it makes something else."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(word[1:-1] for word in self.words.split() if word.startswith("{") and word != "{out}")

    def typed(self, inputs: dict[str, Path], out: Path) -> list[str]:
        """The words with the paths in them."""
        paths = {name: str(path) for name, path in inputs.items()}
        return [word.format(out=out, **paths) for word in self.words.split()]


VERBS = (
    Verb("convert to zarr", "out.zarr", "convert {sections} {out} --voxel-size 5", "--roi 0:5,0:9,0:9"),
    Verb(
        "convert to zarr 0.5",
        "out.zarr",
        "convert {volume} {out} --ome-version 0.5 --roi 0:66,3:40,10:270",
        "--roi 0:5,0:9,0:9",
    ),
    Verb("convert to sections", "out", "convert {volume} {out}", "--roi 0:5,0:9,0:9"),
    Verb("convert to a stack", "out.tif", "convert {volume} {out}", "--roi 0:5,0:9,0:9"),
    Verb("convert --paste-into", "out.zarr", "convert {crop} {out} --paste-into {volume}", "--ome-version 0.5"),
    Verb("convert --resample", "out.zarr", "convert {sections} {out} --voxel-size 5 --resample 7", "--resample 8"),
    Verb(
        "preprocess",
        "out.zarr",
        "preprocess {sections} -o {out} --voxel-size 5 --stage clahe:kernel=32",
        "--stage scale_linear",
    ),
    Verb(
        "mask",
        "out.zarr",
        "mask {sections} -o {out} --voxel-size 5 --low 0 --high 140 --max-hole 200 --min-object 900",
        "--closing 3",
    ),
    Verb(
        "labels prepare",
        "out.zarr",
        "labels prepare {labels} -o {out} --organelle er --dilate 1 "
        "--cleanup remove_small_objects:min_voxels=90 --cleanup fill_holes:max_voxels=900",
        "--dilate 2",
    ),
    Verb(
        "instances",
        "out.zarr",
        "instances {sections} -o {out} --organelle mito --voxel-size 5 --kind probabilities --reach-nm 30",
        "--persistence 0.1",
    ),
    Verb("labels cosem", "out.zarr", "labels cosem {cosem} --raw {volume} --organelle er -o {out}", "--classes 17"),
    Verb(
        "datasets fetch",
        "out.zarr",
        "datasets fetch cell_1 -o {out} --uri {published} --whole --organelle er",
        "--organelle mito",
    ),
    Verb("annotate cut", "out.zarr", "annotate cut {volume} {seeds} --organelle mito -o {out}", "--smoothness 3"),
    Verb(
        "annotate correct",
        "out.zarr",
        "annotate correct {volume} {seeds} --prediction {prediction} --organelle mito -o {out}",
        "--threshold 0.4",
    ),
    Verb("simulate", "out.zarr", "simulate {out} --shape 20,24,150 --seed 3", "--seed 4"),
    Verb(
        "segment --instances",
        "out.zarr",
        "segment {volume} -o {out} --organelle mito --model mito-compact-10nm --instances "
        "--roi 0:40,0:40,100:270 --tile 128,128,168 --runtime onnxruntime --workers 2",
        "--prob-dtype float32",
    ),
    Verb(
        "segment",
        "out.zarr",
        "segment {volume} -o {out} --organelle mito --model mito-compact-10nm "
        "--roi 0:16,0:16,100:228 --tile 112,112,136 --runtime onnxruntime --workers 2",
        "--prob-dtype float32",
    ),
)


def input_paths(folder: Path) -> dict[str, Path]:
    """Where in ``folder`` the inputs of all verbs lie, by name: each in a folder of its own."""
    names = ("volume", "crop", "labels", "published", "seeds", "prediction")
    zarrs = {name: folder / name / "in.zarr" for name in names}
    return {**zarrs, "sections": folder / "sections" / "in", "cosem": folder / "cosem" / "in.n5"}


def write_inputs(folder: Path) -> None:
    """Make all inputs in ``folder``."""
    inputs = input_paths(folder)
    rng = np.random.default_rng(4)
    blobs = ndimage.gaussian_filter(rng.random(SHAPE), 3)
    raw = np.interp(blobs, (blobs.min(), blobs.max()), (0, 255)).astype(np.uint8)
    ids = np.where(raw > 140, rng.integers(1, 4), 0).astype(np.uint16)
    for path in inputs.values():
        path.parent.mkdir(parents=True)
    inputs["sections"].mkdir()
    for z, section in enumerate(raw):
        tifffile.imwrite(inputs["sections"] / f"s_{z:03d}.tif", section, compression="zlib", rowsperstrip=32)
    _write_zarr(inputs["volume"], raw)
    _write_zarr(inputs["crop"], raw[10:40, 5:35, 30:200], offset=(50, 25, 150))
    _write_zarr(inputs["labels"], ids)
    marked = rng.random(SHAPE) < 0.02
    _write_zarr(inputs["seeds"], np.where(marked, np.where(raw > 140, 2, 1), 0).astype(np.uint8))
    _write_zarr(inputs["prediction"], raw)
    root = zarr.create_group(inputs["published"], zarr_format=2)
    for name, values in (("raw", raw), ("labels/er", ids), ("labels/mito", ids)):
        array = root.create_array(f"volumes/{name}", data=values, chunks=(64, 64, 64))
        array.attrs.update({"resolution": [5, 5, 5], "offset": [0, 0, 0]})
    inside = np.kron(ids[10:40, 10:30, 10:180] > 0, np.ones((2, 2, 2), bool))
    _write_n5(inputs["cosem"], np.where(inside, 16, 36).astype(np.uint8), voxel=2, offset=50)


def write_noise(path: Path) -> Path:
    """An OME-Zarr of 10 nm voxels ``(40, 48, 48)``, in one chunk."""
    from asem_core.geometry import VoxelSize
    from asem_core.volume.formats.ome_write import ArrayPlan, build_pyramid, create_ome_zarr

    image = ArrayPlan(shape=(40, 48, 48), dtype="uint8", chunk=(40, 48, 48))
    made = create_ome_zarr(
        path, image=image, labels={}, voxel_size=VoxelSize((10, 10, 10)), lower_edge_nm=(0, 0, 0), provenance={}
    )
    made.image[:] = np.random.default_rng(5).integers(0, 256, image.shape).astype(np.uint8)
    build_pyramid(made)
    return path


def _write_zarr(path: Path, values: np.ndarray, offset: tuple[int, int, int] = (0, 0, 0)) -> None:
    array = zarr.create_array(path, data=values, chunks=(32, 64, 64), zarr_format=2)
    array.attrs.update({"resolution": [5, 5, 5], "offset": list(offset)})


def _write_n5(path: Path, values: np.ndarray, *, voxel: int, offset: int) -> None:
    metadata = {
        "dimensions": values.shape[::-1], "blockSize": [32] * 3, "dataType": str(values.dtype),
        "compression": {"type": "gzip"},
    }  # fmt: skip
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": f"{path}/"}, "metadata": metadata, "create": True}
    tensorstore.open(spec).result()[...] = np.ascontiguousarray(values.T)
    file = path / "attributes.json"
    place = {"resolution": [voxel] * 3, "offset": [offset] * 3}
    file.write_text(json.dumps(json.loads(file.read_text()) | place))


@attrs.frozen
class Undisturbed:
    """A run that nobody killed."""

    folder: Path
    """Holds the output and its journal."""
    files: dict[str, bytes]
    """See `contents`."""
    steps: int
    """Changes to the file system."""
    seconds: float


def contents(path: Path) -> dict[str, bytes]:
    """Every file of an output, by name."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}
