"""Grey values and power spectrum of simulated cells beside real volumes, at 10 nm.

    python tests/benchmarks/appearance.py --real NAME=VOLUME ... [--simulated NAME=VOLUME ...] [--json FILE]

Sixteen sections 192 x 192 wide are compared in the plane: mean, standard deviation, percentiles, and the radial power
spectrum of windows of 64 x 64 voxels (Hann, normalised to zero mean and unit variance) as shares of eight bands from 0
to the Nyquist frequency. A volume of finer voxels is averaged to 10 nm first. The last rows say by which factor a band
differs from the nearest of the real volumes. Without --simulated, the training parts of four cells are drawn.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELLS = {name: f"simulated://{name}/training" for name in ("cf-1", "cf-2", "hpfs-19", "hpfs-20")}
SECTIONS, SIDE, WINDOW, BANDS = 16, 192, 64, 8
VOXEL_NM = 10.0
PERCENTILES = (1, 25, 50, 75, 99)


def read(path: str) -> NDArray[np.float64]:
    """The middle of sections half way through a volume, averaged to 10 nm."""
    from asem_core.geometry import Box
    from asem_core.volume import open_volume

    volume = open_volume(path)
    factors = [round(VOXEL_NM / size) for size in volume.voxel_size.zyx]
    size = [n * f for n, f in zip((SECTIONS, SIDE, SIDE), factors, strict=True)]
    start = [(n - m) // 2 for n, m in zip(volume.shape, size, strict=True)]
    fine = volume.read(Box(start, [a + n for a, n in zip(start, size, strict=True)])).astype(np.float64)
    z, y, x = factors
    return fine.reshape(SECTIONS, z, SIDE, y, SIDE, x).mean(axis=(1, 3, 5))


def spectrum(sections: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the power in each of the bands (8,)."""
    sections = (sections - sections.mean()) / sections.std()
    hann = np.hanning(WINDOW)[:, None] * np.hanning(WINDOW)
    starts = range(0, SIDE - WINDOW + 1, WINDOW)
    tiles = np.array([section[y : y + WINDOW, x : x + WINDOW] for section in sections for y in starts for x in starts])
    tiles -= tiles.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(tiles * hann)) ** 2).mean(axis=0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(WINDOW), np.fft.fftfreq(WINDOW)))
    band = np.digitize(frequency.ravel(), np.linspace(0, 0.5, BANDS + 1))
    found = np.array([power.ravel()[band == number].mean() for number in range(1, BANDS + 1)])
    return found / found.sum()


def describe(sections: NDArray[np.float64]) -> dict[str, Any]:
    """All figures of one volume."""
    return {
        "mean": float(sections.mean()),
        "sd": float(sections.std()),
        "percentiles": np.percentile(sections, PERCENTILES).tolist(),
        "spectrum": spectrum(sections).tolist(),
    }


def _places(arguments: list[str]) -> dict[str, str]:
    return dict(text.split("=", 1) for text in arguments)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in ("--real", "--simulated"):
        parser.add_argument(kind, action="append", default=[], metavar="NAME=VOLUME", help="repeatable")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    reals, cells = (
        {name: describe(read(path)) for name, path in paths.items()}
        for paths in (_places(args.real), _places(args.simulated) or CELLS)
    )
    rows = reals | cells
    bands = " | ".join(f"band {number}" for number in range(1, BANDS + 1))
    print(f"| volume | mean | SD | {' | '.join(f'{p} %' for p in PERCENTILES)} | {bands} |")
    print("|---" * (3 + len(PERCENTILES) + BANDS) + "|")
    for name, row in rows.items():
        percentiles = " | ".join(f"{value:.0f}" for value in row["percentiles"])
        shares = " | ".join(f"{share:.4f}" for share in row["spectrum"])
        print(f"| {name} | {row['mean']:.0f} | {row['sd']:.0f} | {percentiles} | {shares} |")
    for name in cells if reals else ():
        ratios = np.array([np.divide(rows[name]["spectrum"], row["spectrum"]) for row in reals.values()])
        nearest = ratios[np.abs(np.log(ratios)).argmin(axis=0), range(BANDS)]
        print(f"{name}: band over the nearest real one: {', '.join(f'{ratio:.2f}' for ratio in nearest)}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
