"""What ASEM expects of a plugin: the checks of `asem plugins check reader-jeiss`, a test each."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from asem_core.testing import PluginContract, Sample

from .written import write_section


def write_sample(folder: Path) -> Sample:
    """Sections of 1 MB, and what they hold. They do not say how thick they are."""
    voxels = np.random.default_rng(0).integers(-(2**15), 2**15, (24, 150, 160)).astype(np.int16)
    for number, pixels in enumerate(voxels):
        write_section(folder / f"Merlin-1_24-02-29_1200{number:02}_0-0-0.dat", {"AI1": pixels})
    return Sample(uri=str(folder), voxels=voxels)


class TestContract(PluginContract):
    plugin = "reader-jeiss"
    samples: ClassVar = {"jeiss": write_sample}
