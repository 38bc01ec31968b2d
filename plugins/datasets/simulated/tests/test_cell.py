"""Whole cells: same seed same bits, any box and any block size the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from asem_dataset_simulated import CellSpec, View, make_cell, render_cell, write_view
from asem_dataset_simulated.cell.scene import Cell
from asem_dataset_simulated.cell.style import LABELS
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from asem_core.geometry import Box


def at_nucleus(cell: Cell, shape: tuple[int, int, int], voxel: tuple[float, float, float]) -> View:
    """A window whose middle lies on the nuclear envelope."""
    edge = cell.nucleus.centre_nm + np.array([0, 0, cell.nucleus.axes_nm[2]])
    low = edge - np.array(shape) * voxel / 2
    return View(cell, shape, voxel, tuple(float(v) for v in np.rint(low)))


@pytest.fixture(scope="module")
def wide(small_cell: Cell) -> View:
    """Wider than one tile along x, so that boxes cross the seam at 128."""
    return at_nucleus(small_cell, (20, 24, 150), (16.0, 12.0, 12.0))


@pytest.fixture(scope="module")
def whole(wide: View) -> dict[str, NDArray[np.generic]]:
    """`wide`, drawn in one piece."""
    return dict(render_cell(wide, Box.of_shape(wide.shape)))


def test_types_and_shapes(wide: View, whole: dict[str, NDArray[np.generic]]) -> None:
    assert set(whole) == {"image", *LABELS}
    assert {array.shape for array in whole.values()} == {wide.shape}
    assert whole["image"].dtype == np.uint8
    assert {whole[name].dtype for name in LABELS} == {np.dtype(np.uint16)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_box_equals_the_crop(wide: View, whole: dict[str, NDArray[np.generic]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = np.sort(np.array([rng.choice(n + 1, 2, replace=False) for n in wide.shape]), axis=1)
    corners[2] = [rng.integers(60, 128), rng.integers(129, 150)]
    box = Box(corners[:, 0].tolist(), corners[:, 1].tolist())
    for name, array in render_cell(wide, box).items():
        np.testing.assert_array_equal(array, whole[name][box.slices], err_msg=name)


def test_the_same_seed_draws_the_same_cell_and_another_another(small_cell: Cell) -> None:
    view = at_nucleus(small_cell, (12, 24, 24), (16.0,) * 3)
    box = Box.of_shape(view.shape)
    before = np.random.get_state()[1].copy()
    first, again, other = (
        render_cell(View(cell, view.shape, view.voxel_size_nm, view.origin_nm), box)
        for cell in (small_cell, *(make_cell(CellSpec(seed=seed, diameter_um=2.5)) for seed in (1, 2)))
    )
    for name in first:
        np.testing.assert_array_equal(first[name], again[name], err_msg=name)
    assert np.mean(first["image"] != other["image"]) > 0.5
    assert np.any(first["er"] != other["er"])
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_block_size_changes_no_byte(small_cell: Cell, tmp_path: Path) -> None:
    view = at_nucleus(small_cell, (20, 16, 140), (16.0,) * 3)
    folders = {block: tmp_path / f"{block}" for block in (64, 128)}
    counts, files = [], []
    for block, folder in folders.items():
        folder.mkdir()
        counts.append(write_view(folder / "cell.zarr", view, block=block))
        files.append({str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    first, second = files
    assert counts[0] == counts[1]
    assert len(first) > 30
    assert first == second


def test_anisotropic_voxels_show_the_same_cell(small_cell: Cell) -> None:
    """Shares of the window in nm, coarse along one axis and not."""
    fine = at_nucleus(small_cell, (48, 48, 48), (8.0,) * 3)
    coarse = View(small_cell, (24, 48, 48), (16.0, 8.0, 8.0), fine.origin_nm)
    a, b = (render_cell(view, Box.of_shape(view.shape)) for view in (fine, coarse))
    for name in ("cell", "nucleus", "er", "pore"):
        shares = [np.mean(drawn[name] > 0) for drawn in (a, b)]
        assert shares[0] == pytest.approx(shares[1], abs=0.004), name
    halved = a["nucleus"].reshape(24, 2, 48, 48).mean(axis=1)
    assert np.mean((halved > 0.5) != (b["nucleus"] > 0)) < 0.01


def test_the_styles_of_fixation_differ(small_cell: Cell) -> None:
    """Chemical fixation: bright swollen ER lumen, membranes that stand out. Freezing: dense cytosol, low contrast."""
    found = {}
    frozen = make_cell(CellSpec(seed=1, diameter_um=2.5, fixation="HPFS"))
    for fixation, cell in (("CF", small_cell), ("HPFS", frozen)):
        view = at_nucleus(cell, (40, 64, 64), (8.0,) * 3)
        drawn = render_cell(view, Box.of_shape(view.shape))
        image, er = drawn["image"].astype(float), drawn["er"] > 0
        lumen = binary_erosion(er, iterations=2, border_value=1)
        things = np.any([drawn[name] > 0 for name in LABELS if name != "cell"], axis=0)
        cytosol = (drawn["cell"] > 0) & ~things
        found[fixation] = {
            "cytosol": image[cytosol].mean(),
            "lumen": image[lumen].mean() - image[cytosol].mean(),
            "membrane": image[cytosol].mean() - image[er & ~lumen].mean(),
            "thickness": np.mean(er),
        }
    assert found["CF"]["cytosol"] > found["HPFS"]["cytosol"] + 10
    assert found["CF"]["lumen"] > 0 > found["HPFS"]["lumen"]
    assert found["CF"]["thickness"] > 1.15 * found["HPFS"]["thickness"]
