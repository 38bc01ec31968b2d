"""What starting ASEM costs: nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asem_core.geometry import VoxelSize
from asem_core.testing.light import HEAVY
from asem_core.volume.formats.ome_write import ArrayPlan, create_ome_zarr

UNNEEDED = ("bioimageio", "dask", "distributed", "matplotlib", "ome_zarr_models", "pandas", "skimage", "torch",
            "xarray")  # fmt: skip
"""To segment: what takes as long to import as a small part takes to be read."""

HELP = """
import sys
from asem_core.cli.main import main
sys.argv = ["asem", "--help"]
try:
    main()
except SystemExit:
    pass
"""


def _loaded_after(code: str) -> set[str]:
    report = f"{code}\nimport sys; print('loaded:', *sys.modules, file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(run.stderr.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("code", ["import asem_core", "import asem_core; asem_core.make_registry", HELP])
def test_heavy_libraries_are_not_imported(code: str) -> None:
    assert sorted(_loaded_after(code) & set(HEAVY)) == []


@pytest.mark.slow
def test_a_part_is_segmented_without_what_it_does_not_need(tmp_path: Path) -> None:
    """By a model of ours, with all that comes before and after its network."""
    plan = ArrayPlan(shape=(40, 40, 40), dtype=np.uint8, chunk=(32, 32, 32))
    size, out = VoxelSize((10, 10, 10)), tmp_path / "cell.zarr"
    made = create_ome_zarr(out, image=plan, labels={}, voxel_size=size, lower_edge_nm=(0, 0, 0), provenance={})
    made.image[:] = np.random.default_rng(0).integers(60, 200, plan.shape, np.uint8)
    words = f"asem segment {out} --organelle mito -o {tmp_path}/m.zarr --roi 8:40,0:32,0:32".split()
    loaded = _loaded_after(f"import sys; from asem_core.cli.main import main; sys.argv = {words!r}; main()")
    assert sorted(loaded & set(UNNEEDED)) == []
    assert "zarr" in loaded
    assert (tmp_path / "m.zarr" / "labels" / "mito").is_dir()


def test_help_answers_within_a_second() -> None:
    """Of the processor's time, the best of three: the machine may be busy with other things."""
    asem = Path(sys.executable).with_name("asem")

    def seconds() -> float:
        began = os.times()
        subprocess.run([asem, "--help"], check=True, capture_output=True)
        ended = os.times()
        return ended.children_user - began.children_user + ended.children_system - began.children_system

    assert min(seconds() for _ in range(3)) < 1.0
