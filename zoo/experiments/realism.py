"""How like real volumes simulated cells are: texture, contrast and grey values at 10 nm, in numbers and in a picture.

    python zoo/experiments/realism.py DATA -o runs/realism [--seeds 1 2 3 4]

DATA holds the real volumes of `REAL`; those that it lacks are left out. Of every volume some sections are looked at in
their plane, averaged to pixels of 10 nm, with the 1st and 99th percentile of their grey values as 0 and 100 %. Of a
simulated cell what counts is its cytosol with everything in it: the real volumes hold no resin and hardly a nucleus.

- quartiles of the grey values;
- spectrum: standard deviation that periods of `PERIODS_NM` add, from windows of 64 x 64 pixels;
- local contrast at `SCALES_NM`: what a Gaussian as wide removes of one half as wide, as standard deviation within four
  times the scale; in the emptiest quarter of the image (its first quartile), and in the middle (its median).

Prints a table. Behind the mean of a preset's cells stands in brackets by which factor they lie outside the range of the
real volumes (1: inside), and by which factor their mean lies off the mean of those; all these means are geometric.
Writes `table.md`, `figures.json`, `beside_real.png` (with real data: not to be published without their licences) and
`simulated.png`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from statistics import geometric_mean

import numpy as np
from asem_dataset_simulated import Request, make_view, render_cell
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_erosion, gaussian_filter

from asem_core import open_volume
from asem_core.geometry import Box, VoxelSize

REAL = {
    "epfl_hippocampus/raw": (5.0, 5.0, 5.0),
    "flyem_medulla/raw.tif": (10.0, 10.0, 10.0),
    "cdeep3m/raw": (70.0, 10.0, 10.0),
    "snemi3d_raw": (30.0, 6.0, 6.0),
}
"""Real volumes, and their voxels in nm (z, y, x)."""
PRESETS = ("cf", "hpfs", "cf-crowded", "hpfs-crowded")
PERIODS_NM = ((20, 30), (30, 50), (50, 100), (100, 200), (200, 640))
SCALES_NM = (10, 20, 40, 80)
QUARTILES = (25, 50, 75)
PIXEL_NM, SECTIONS, SIDE, WINDOW = 10.0, 4, 256, 64
_SPACING = 5  # of the sections of a simulated cell, so that 20 are drawn

Picture = NDArray[np.float64]
Mask = NDArray[np.bool_]
Section = tuple[Picture, Mask]
"""A section in per cent of its volume's grey range, and what of it counts."""


def real_sections(path: Path, voxel_nm: tuple[float, float, float]) -> list[Section]:
    """Sections from one end of a volume to the other, all of their plane."""
    volume = open_volume(path, voxel_size=VoxelSize(voxel_nm))
    thick = max(1, round(PIXEL_NM / voxel_nm[0]))
    starts = np.linspace(0, volume.shape[0] - thick, SECTIONS + 2)[1:-1].astype(int)
    pictures = []
    for start in starts:
        box = Box((int(start), 0, 0), (int(start) + thick, *volume.shape[1:]))
        section = Image.fromarray(volume.read(box).mean(axis=0).astype(np.float32))
        width, height = (round(n * v / PIXEL_NM) for n, v in zip(volume.shape[:0:-1], voxel_nm[:0:-1], strict=True))
        pictures.append(np.asarray(section.resize((width, height), Image.Resampling.BOX), np.float64))
    return _matched([(picture, np.ones(picture.shape, bool)) for picture in pictures])


def cell_sections(preset: str, seed: int) -> list[Section]:
    """Sections of a window that holds nucleus, cytosol and plasma membrane; the cytosol counts."""
    shape = (SECTIONS * _SPACING, SIDE, SIDE)
    view = make_view(Request(preset=preset, seed=seed, shape=shape, voxel_size=VoxelSize((PIXEL_NM,) * 3)))
    drawn = render_cell(view, Box.of_shape(shape))
    cytosol = (drawn["cell"] > 0) & (drawn["nucleus"] == 0) & (drawn["envelope"] == 0)
    pairs = zip(drawn["image"][::_SPACING], cytosol[::_SPACING], strict=True)
    return _matched([(picture.astype(np.float64), binary_erosion(mask, iterations=2)) for picture, mask in pairs])


def _matched(sections: Sequence[Section]) -> list[Section]:
    low, high = np.percentile(np.concatenate([picture[mask] for picture, mask in sections]), (1, 99))
    return [(100 * (picture - low) / (high - low), mask) for picture, mask in sections]


def measure(sections: Sequence[Section]) -> dict[str, float]:
    """Every measure by its name, in per cent of the grey range."""
    greys = np.concatenate([picture[mask] for picture, mask in sections])
    found = {f"grey {q} %": float(np.percentile(greys, q)) for q in QUARTILES}
    found |= {f"{low}-{high} nm": value for (low, high), value in zip(PERIODS_NM, spectrum(sections), strict=True)}
    for name, quantile in (("empty", 25), ("middle", 50)):
        found |= {f"{name} {scale} nm": _local_contrast(sections, scale, quantile) for scale in SCALES_NM}
    return found


def spectrum(sections: Sequence[Section]) -> list[float]:
    """Standard deviation in each band of `PERIODS_NM`, from all windows that count as a whole."""
    hann = np.outer(np.hanning(WINDOW), np.hanning(WINDOW))
    tiles = np.array([tile - tile.mean() for tile in _tiles(sections)])
    power = (np.abs(np.fft.fft2(tiles * hann)) ** 2).mean(axis=0) / (np.square(hann).sum() * WINDOW**2)
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(WINDOW, PIXEL_NM)] * 2))
    bands = [(frequency > 1 / high) & (frequency <= 1 / low) for low, high in PERIODS_NM]
    return [float(np.sqrt(power[band].sum())) for band in bands]


def _tiles(sections: Sequence[Section]) -> Iterator[Picture]:
    for picture, mask in sections:
        starts = [range(0, n - WINDOW + 1, WINDOW // 2) for n in picture.shape]
        for y, x in product(*starts):
            part = np.s_[y : y + WINDOW, x : x + WINDOW]
            if mask[part].mean() > 0.99:
                yield picture[part]


def _local_contrast(sections: Sequence[Section], scale_nm: float, quantile: float) -> float:
    width = scale_nm / PIXEL_NM
    found = []
    for picture, mask in sections:
        difference = gaussian_filter(picture, width / 2) - gaussian_filter(picture, width)
        local = np.sqrt(gaussian_filter(np.square(difference), 4 * width))
        found.append(local[binary_erosion(mask, iterations=round(2 * width))])
    return float(np.percentile(np.concatenate(found), quantile))


def outside(value: float, real: Sequence[float]) -> float:
    """Factor by which ``value`` lies outside the range of the real ones, 1 inside.

    Examples
    --------
    >>> outside(2.0, [4.0, 5.0]), outside(4.5, [4.0, 5.0])
    (2.0, 1.0)
    """
    return max(min(real) / value, value / max(real), 1.0)


def table(real: Mapping[str, Mapping[str, float]], cells: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Markdown: every measure in the real volumes, and its mean over a preset's cells with `compare` in brackets."""
    lines = ["| measure | " + " | ".join([*real, *cells]) + " |", "|---" * (len(real) + len(cells) + 1) + "|"]
    for measured in next(iter(cells.values()))[0]:
        reals = [row[measured] for row in real.values()]
        values = {preset: [cell[measured] for cell in found] for preset, found in cells.items()}
        row = [f"{value:.1f}" for value in reals]
        row += [f"{np.mean(found):.1f}" + (compare(found, reals) if real else "") for found in values.values()]
        lines.append(f"| {measured} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def compare(cells: Sequence[float], real: Sequence[float]) -> str:
    """By which factor the cells lie outside the range of the real volumes, and their mean lies off the mean of those.

    Examples
    --------
    >>> compare([2.0, 4.5], [4.0, 5.0])
    ' (1.41, 1.49)'
    """
    beyond = geometric_mean([outside(value, real) for value in cells])
    off = geometric_mean(cells) / geometric_mean(real)
    return f" ({beyond:.2f}, {max(off, 1 / off):.2f})"


def sheet(rows: Sequence[Sequence[list[Section]]]) -> Image.Image:
    """The first section of each volume, its middle in 256 x 256 pixels, grey range matched."""
    width = max(len(row) for row in rows)
    blank = np.full((SIDE, SIDE), 255, np.uint8)
    pictures = [[_square(sections[0][0]) for sections in row] + [blank] * (width - len(row)) for row in rows]
    return Image.fromarray(np.vstack([np.hstack(row) for row in pictures]))


def _square(picture: Picture) -> NDArray[np.uint8]:
    start = [max(0, (n - SIDE) // 2) for n in picture.shape]
    part = picture[start[0] : start[0] + SIDE, start[1] : start[1] + SIDE]
    padded = np.pad(part, [(0, SIDE - n) for n in part.shape], constant_values=100)
    return np.clip(2.55 * padded, 0, 255).astype(np.uint8)


def main() -> None:
    """Measure, print the table, write what is named above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with the real volumes")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4], help="a cell of every preset each")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    real = {}
    for place, voxel_nm in REAL.items():
        if (args.data / place).exists():
            real[place.split("/")[0]] = real_sections(args.data / place, voxel_nm)
        else:
            print(f"{args.data / place}: not there, left out")
    with ProcessPoolExecutor() as pool:
        drawn = {preset: pool.map(partial(cell_sections, preset), args.seeds) for preset in PRESETS}
        cells = {preset: list(found) for preset, found in drawn.items()}
    figures = {name: measure(sections) for name, sections in real.items()}
    simulated = {preset: [measure(sections) for sections in found] for preset, found in cells.items()}
    text = table(figures, simulated)
    print(text)
    (args.output / "table.md").write_text(text + "\n")
    (args.output / "figures.json").write_text(json.dumps({"real": figures, "simulated": simulated}, indent=2))
    sheet(list(cells.values())).save(args.output / "simulated.png")
    sheet([*([list(real.values())] if real else []), *cells.values()]).save(args.output / "beside_real.png")


if __name__ == "__main__":
    main()
