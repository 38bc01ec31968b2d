"""Crowded cells: full cytosol, a stain and a microscope of their own, the same truth, any box the same bits."""

from __future__ import annotations

from statistics import geometric_mean

import numpy as np
import pytest
from asem_dataset_simulated import CellSpec, View, make_cell, render_cell
from asem_dataset_simulated.cell.scene import Cell
from asem_dataset_simulated.cell.stain import draw_look, draw_style
from asem_dataset_simulated.cell.style import LABELS, Fixation
from asem_dataset_simulated.microscope import Look, halo_voxels, microscope
from asem_dataset_simulated.sections import cut_sections
from attrs import astuple, evolve
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from asem_core.geometry import Box

SEEDS = range(6)
NM = 5.0


@pytest.fixture(scope="module")
def crowded() -> Cell:
    return make_cell(CellSpec(seed=1, diameter_um=2.5, crowded=True))


def stained(cell: Cell, seed: int, fixation: Fixation) -> Cell:
    """The organelles of ``cell`` in the cytosol and stain of another crowded cell."""
    spec = CellSpec(seed=seed, diameter_um=2.5, fixation=fixation, crowded=True)
    return evolve(cell, spec=spec, look=draw_look(spec.style, seed))


def noise_free(cell: Cell) -> dict[str, NDArray[np.generic]]:
    """A window beside the nucleus, sharp and without noise, at 5 nm."""
    look = Look(gain=1, offset=0, psf_nm=5, shot=0, correlated=0, jitter=0, gradient=0, curtain=0)
    low = cell.nucleus.centre_nm + np.array([-200, -200, cell.nucleus.axes_nm[2] - 150])
    view = View(evolve(cell, look=look), (40, 80, 128), (NM,) * 3, tuple(float(v) for v in np.rint(low)))
    return dict(render_cell(view, Box.of_shape(view.shape)))


def cytosol(drawn: dict[str, NDArray[np.generic]]) -> NDArray[np.bool_]:
    """Away from every organelle and from the plasma membrane."""
    things = np.any([drawn[name] > 0 for name in LABELS if name != "cell"], axis=0) | (drawn["cell"] == 0)
    return ~binary_dilation(things, iterations=4)


def power(image: NDArray[np.generic], where: NDArray[np.bool_], period_nm: float) -> float:
    """Variance there of a difference of Gaussians that passes the period best, in the plane."""
    narrow = 0.153 * period_nm / NM
    near, far = (gaussian_filter(image.astype(float), (0, width, width)) for width in (narrow, 2 * narrow))
    return float((near - far)[where].var())


@pytest.mark.parametrize("section_nm", [0.0, 36.0])
def test_any_box_equals_the_crop(crowded: Cell, section_nm: float) -> None:
    cell = evolve(crowded, look=evolve(crowded.look, section_nm=section_nm, bandwidth=0.8, lines=1.0))
    low = tuple(float(v) for v in np.rint(cell.nucleus.centre_nm + np.array([0, 0, cell.nucleus.axes_nm[2] - 900])))
    view = View(cell, (20, 24, 150), (16.0, 12.0, 12.0), low)
    whole = render_cell(view, Box.of_shape(view.shape))
    box = Box((3, 5, 100), (19, 20, 140))
    for name, array in render_cell(view, box).items():
        np.testing.assert_array_equal(array, whole[name][box.slices], err_msg=name)


def test_tiles_of_thick_sections_have_no_seam() -> None:
    """Two halves of a volume, imaged apart, are those of the whole."""
    look = Look(gain=1, offset=0, psf_nm=6, shot=4, correlated=0, jitter=2, gradient=0, curtain=0,
                drift=0.2, bandwidth=0.7, lines=1, section_nm=50)  # fmt: skip
    size = (10.0, 10.0, 10.0)
    halo = halo_voxels(look, size)
    assert halo[0] >= 1.5 * 50 / 10
    index = [np.arange(-h, n + h, dtype=np.int64) for n, h in zip((40, 20, 20), halo, strict=True)]
    grey = np.random.default_rng(1).uniform(60, 200, [len(i) for i in index]).astype(np.float32)

    def image(start: int, stop: int) -> NDArray[np.uint8]:
        part = slice(start, stop + 2 * halo[0])
        return microscope(grey[part], [index[0][part], *index[1:]], look=look, seed=1, voxel_size_nm=size, halo=halo)

    # Blur at the ends of what is given differs, a sum in another order by one grey value at most.
    difference = np.abs(np.concatenate([image(0, 17), image(17, 40)]).astype(int) - image(0, 40))
    assert difference.max() <= 1


def test_sections_average_and_are_interpolated() -> None:
    given, wanted = np.arange(-9, 29, dtype=np.int64), np.arange(20, dtype=np.int64)
    cut = cut_sections(given, wanted, voxel_nm=10, section_nm=45)
    np.testing.assert_allclose(cut.average.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(cut.interpolation.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(cut.interpolation @ (cut.average @ (given + 0.5)), wanted + 0.5, atol=0.05)
    spot = cut.interpolation @ (cut.average @ (given == 10).astype(np.float32))
    assert np.ptp(np.flatnonzero(spot > 0.01)) >= 6  # one voxel is smeared over sections


def test_detector_noise_is_smooth_and_as_strong_as_said() -> None:
    look = Look(gain=1, offset=0, psf_nm=0.1, shot=10, correlated=0, jitter=0, gradient=0, curtain=0)
    index = [np.arange(n, dtype=np.int64) for n in (6, 120, 120)]
    flat = np.full((6, 120, 120), np.float32(140))
    white, smooth = (
        microscope(flat, index, look=evolve(look, bandwidth=width), seed=1, voxel_size_nm=(10.0,) * 3, halo=(0, 0, 0))
        for width in (0.0, 0.8)
    )
    for image, together in ((white, 0.0), (smooth, 0.67)):
        noise = image.astype(float) - 140
        assert noise.std() == pytest.approx(10, rel=0.04)
        assert np.mean(noise[..., 1:] * noise[..., :-1]) / noise.var() == pytest.approx(together, abs=0.05)
        assert np.mean(noise[1:] * noise[:-1]) / noise.var() == pytest.approx(0, abs=0.05)


def test_cytosol_has_the_texture_of_ribosomes(small_cell: Cell) -> None:
    """Without noise: several times the power of the plain cells, at their size and at that of their clusters."""
    for fixation in ("CF", "HPFS"):
        plain = evolve(small_cell, spec=evolve(small_cell.spec, fixation=fixation))
        before, *after = (noise_free(cell) for cell in (plain, *(stained(small_cell, s, fixation) for s in SEEDS)))
        for period_nm, times in ((25, 2.0), (50, 1.6), (100, 1.3)):
            powers = [power(drawn["image"], cytosol(drawn), period_nm) for drawn in (before, *after)]
            assert geometric_mean(powers[1:]) > times * powers[0], (fixation, period_nm, powers)


@pytest.mark.parametrize("fixation", ["CF", "HPFS"])
def test_the_lumen_of_the_er_is_no_brighter_than_cytosol(small_cell: Cell, fixation: Fixation) -> None:
    for seed in SEEDS:
        drawn = noise_free(stained(small_cell, seed, fixation))
        lumen = binary_erosion(drawn["er"] > 0, iterations=3, border_value=1)
        image = drawn["image"].astype(float)
        assert lumen.sum() > 500
        assert image[lumen].mean() < image[cytosol(drawn)].mean() + 3, seed


def test_the_truth_is_that_of_a_plain_cell(small_cell: Cell) -> None:
    """Stain moves no label where the fixation leaves shapes alone: pits and nucleus."""
    plain, full = noise_free(small_cell), noise_free(stained(small_cell, 1, "CF"))
    assert set(plain) == set(full)
    for name in ("cell", "nucleus", "ccp"):
        np.testing.assert_array_equal(plain[name], full[name], err_msg=name)


def test_every_seed_has_a_look_of_its_own() -> None:
    for fixation in ("CF", "HPFS"):
        styles = [draw_style(fixation, seed) for seed in range(100)]
        assert styles[0] == draw_style(fixation, 0)
        drawn = {
            "membrane": 50.0, "cytosol": 25.0, "ribosome": 40.0, "wall": 0.4, "fringe": 0.25, "matrix": 60.0,
            "crowding": 2.0, "er_spacing_nm": 60.0,
        }  # fmt: skip
        for name, least in drawn.items():
            values = [getattr(style, name) for style in styles]
            assert len(set(values)) == 100
            assert np.ptp(values) > least, name
        looks = [draw_look(style, seed) for seed, style in enumerate(styles)]
        thick = [look.section_nm for look in looks if look.section_nm]
        assert 10 < len(thick) < 40
        assert 20 <= min(thick) < 30 < 70 < max(thick) <= 80
        assert len({astuple(look) for look in looks}) == 100
    pale = [np.mean([draw_style(f, s).cytosol - draw_style(f, s).membrane for s in SEEDS]) for f in ("HPFS", "CF")]
    assert pale[0] < pale[1]
