"""From seeds to labels."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from asem_annotate.energy import boundary_costs, cell_distance, find_evidence, find_strokes, seed_gain
from asem_annotate.labelling import solve, without_rim
from asem_annotate.mixture import fit_mixture
from asem_annotate.prepared import Prepared, prepare
from asem_annotate.settings import PRESETS, Appearance, Settings, choose_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core import AsemError, Box, VoxelSize

from .cells import VOXELS, dice, make_cell, mark

SETTINGS = Settings(edge=3, grey_smooth=1)
GREY, TRUTH = make_cell()
PREPARED = prepare(GREY, voxel_size=VOXELS, settings=SETTINGS)
SEEDS = mark(TRUTH, (4, 12, 19))


def test_two_organelles_are_found_from_seeds_in_three_sections() -> None:
    found = solve(PREPARED, SEEDS, settings=SETTINGS)
    assert dice(found == 2, TRUTH == 2) > 0.9
    assert dice(found == 3, TRUTH == 3) > 0.9
    assert set(np.unique(found)) == {1, 2, 3}


def test_seeds_are_what_they_say() -> None:
    wrong = SEEDS.copy()
    wrong[12, 13, 11:15] = [1, 2, 1, 3]  # in the middle of a body, in one supervoxel or two
    found = solve(PREPARED, wrong, settings=SETTINGS)
    assert np.array_equal(found[wrong > 0], wrong[wrong > 0])


def test_a_mixed_supervoxel_is_divided_among_its_seeds() -> None:
    seeds = SEEDS.copy()
    ids = PREPARED.ids
    inside = np.argwhere(ids == ids[12, 13, 13])
    first, last = inside[0], inside[-1]
    seeds[ids == ids[12, 13, 13]] = 0
    seeds[tuple(first)], seeds[tuple(last)] = 1, 2
    found = solve(PREPARED, seeds, settings=SETTINGS)
    for place in inside:
        nearer = ((place - first) ** 2).sum() - ((place - last) ** 2).sum()
        if nearer:
            assert found[tuple(place)] == (1 if nearer < 0 else 2)


def test_a_rim_is_left_out_in_voxels_of_the_finest_axes() -> None:
    labels = np.full((7, 11, 11), 1, np.uint8)
    labels[1:6, 2:9, 2:9] = 2
    seeds = np.zeros_like(labels)
    seeds[1, 2, 2], seeds[3, 2, 5] = 2, 1
    cubes = without_rim(labels, seeds, rim=2, voxel_size=VoxelSize((5, 5, 5)))
    assert (cubes[3, 4:7, 4:7] == 2).all()
    assert (cubes == 2).sum() == 3 * 3 + 1
    thick = without_rim(labels, seeds, rim=2, voxel_size=VoxelSize((15, 5, 5)))
    assert (thick[1:6, 4:7, 4:7] == 2).all()
    assert (thick == 2).sum() == 5 * 3 * 3 + 1
    for found in (cubes, thick):
        assert found[3, 2, 5] == 1
        assert np.array_equal(found == 1, (labels == 1) | (seeds == 1))


def test_without_background_there_is_no_rim() -> None:
    """As in a block that lies in an organelle."""
    labels = np.full((7, 11, 11), 2, np.uint8)
    seeds = np.zeros_like(labels)
    assert (without_rim(labels, seeds, rim=2, voxel_size=VOXELS) == 2).all()


@settings(deadline=None, max_examples=15)
@given(strokes=st.lists(st.tuples(st.integers(0, 23), st.integers(0, 39), st.integers(0, 43), st.integers(0, 3)),
                        min_size=1, max_size=20))  # fmt: skip
def test_solving_again_after_strokes_is_solving_from_scratch(strokes: list[tuple[int, int, int, int]]) -> None:
    seeds, boundary = SEEDS.copy(), boundary_costs(PREPARED, SETTINGS)
    solve(PREPARED, seeds, settings=SETTINGS, boundary=boundary)
    for z, y, x, value in strokes:
        seeds[z, y, x] = value
    again = solve(PREPARED, seeds, settings=SETTINGS, boundary=boundary)
    fresh = prepare(GREY.copy(), voxel_size=VOXELS, settings=SETTINGS)
    assert np.array_equal(again, solve(fresh, seeds.copy(), settings=SETTINGS))


def test_a_boundary_is_cheaper_at_an_edge_unless_as_published() -> None:
    u, v = PREPARED.pairs.T
    step = np.abs(PREPARED.grey[u] - PREPARED.grey[v])
    edge, flat = step > 50, step < 5
    on, published = (boundary_costs(PREPARED, Settings(contrast=c, smoothness=2)) for c in ("on", "published"))
    assert on[edge].mean() < 0.05 * on[flat].mean()
    assert published[edge].mean() > 0.8 * published[flat].mean()
    distance = np.linalg.norm(PREPARED.centre[u] - PREPARED.centre[v], axis=1)
    assert np.allclose(published, 2 / distance, rtol=0.01)


def test_the_cut_follows_the_edge_of_the_image() -> None:
    """Seeds of one grey say nothing about where two bodies meet; contrast does."""
    grey = np.full((12, 24, 24), 100, np.uint8)
    grey[:, :, 15:17] = 20  # a membrane, nearer to one of the seeds
    seeds = np.zeros(grey.shape, np.uint8)
    seeds[:, :, 1], seeds[:, :, 22] = 2, 1
    params = Settings(edge=2, smooth=0, grey_smooth=0, appearance_weight=0, distance_weight=0.05, smoothness=10)
    prepared = prepare(grey, voxel_size=VoxelSize((5, 5, 5)), settings=params)
    found = solve(prepared, seeds, settings=params)
    assert (found[:, :, :15] == 2).all()
    assert (found[:, :, 17:] == 1).all()


def test_a_boundary_runs_along_a_membrane_where_asked() -> None:
    """Between two seeds in one grey, through the middle of the membrane and not at one of its edges."""
    grey = np.full((12, 24, 24), 100, np.uint8)
    grey[:, :, 12:17] = [80, 50, 20, 50, 80]
    seeds = np.zeros(grey.shape, np.uint8)
    seeds[:, :, 1], seeds[:, :, 22] = 2, 1
    params = Settings(edge=1, smooth=0, grey_smooth=0, appearance_weight=0, distance_weight=0.02, smoothness=10)
    prepared = prepare(grey, voxel_size=VoxelSize((5, 5, 5)), settings=params)
    dark = solve(prepared, seeds, settings=attrs.evolve(params, contrast="dark")) == 2
    assert (dark.sum(axis=2) == dark.sum(axis=2)[0, 0]).all()
    assert dark[0, 0].sum() in (14, 15)
    found = solve(prepared, seeds, settings=params) == 2
    assert found[0, 0].sum() in (13, 16)


def test_a_prediction_counts() -> None:
    prior = np.where(TRUTH == 3, 0.99, 0.01).astype(np.float32)  # knows the body that the seeds call background
    seeds = np.zeros_like(TRUTH)
    seeds[0, 0, 0], seeds[11, 27, 31] = 1, 2
    alone = solve(PREPARED, seeds, settings=attrs.evolve(SETTINGS, appearance_weight=0, distance_weight=0))
    found = solve(PREPARED, seeds, settings=attrs.evolve(SETTINGS, appearance_weight=0, distance_weight=0), prior=prior)
    assert dice(alone == 2, TRUTH == 3) < 0.2
    assert dice(found == 2, TRUTH == 3) > 0.85


@pytest.mark.parametrize("appearance", ["texture", "grey"])
def test_texture_tells_apart_what_grey_levels_do_not(appearance: Appearance) -> None:
    """Stripes of which all grey levels occur beside them too, in broader ones."""
    x = np.arange(48)
    grey = np.tile(np.where(x < 24, 60 + 120 * (x // 2 % 2), 60 + 120 * (x // 6 % 2)).astype(np.uint8), (16, 24, 1))
    truth = np.broadcast_to(x < 24, grey.shape)
    seeds = np.zeros(grey.shape, np.uint8)
    seeds[8, 4, 2:22], seeds[8, 4, 26:46] = 2, 1
    params = Settings(edge=3, smooth=0, grey_smooth=0, appearance=appearance, distance_weight=0, smoothness=0.1)
    found = solve(prepare(grey, voxel_size=VOXELS, settings=params), seeds, settings=params) == 2
    assert (dice(found, truth) > 0.9) == (appearance == "texture")


def test_looks_are_no_surer_than_they_may_be() -> None:
    evidence = find_evidence(PREPARED, find_strokes(PREPARED, SEEDS))
    by_looks = attrs.evolve(SETTINGS, distance_weight=0)
    free = seed_gain(PREPARED, evidence, 2, by_looks)
    bound = seed_gain(PREPARED, evidence, 2, attrs.evolve(by_looks, surest=1.5))
    assert np.abs(free).max() > 2
    assert np.allclose(bound, np.clip(free, -1.5, 1.5))


def test_clean_up_drops_what_is_of_another_grey() -> None:
    seeds = np.where(SEEDS == 3, 0, SEEDS)  # the darker body is not marked, and is found with the other
    everything = attrs.evolve(SETTINGS, appearance="grey", bins=2, distance_weight=0.1, smoothness=3)
    found = solve(PREPARED, seeds, settings=everything)
    cleaned = solve(PREPARED, seeds, settings=attrs.evolve(everything, components=3))
    assert (found[TRUTH == 3] == 2).mean() > 0.9
    assert (cleaned[TRUTH == 3] == 2).mean() < 0.5 * (found[TRUTH == 3] == 2).mean()
    assert dice(cleaned == 2, TRUTH == 2) > dice(found == 2, TRUTH == 2) + 0.05


def test_a_mixture_is_found_and_always_the_same() -> None:
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(60, 5, 3000), rng.normal(120, 10, 1000)])
    weights = np.ones(len(values), np.int64)
    means, deviations, shares = fit_mixture(values, weights, 2)
    assert np.allclose(means, [60, 120], atol=1)
    assert np.allclose(deviations, [5, 10], atol=1)
    assert np.allclose(shares, [0.75, 0.25], atol=0.02)
    order = rng.permutation(len(values))
    assert np.allclose(fit_mixture(values[order], weights, 2)[0], means)


def test_distance_is_in_voxels_of_the_finest_axis() -> None:
    size = VoxelSize((20, 5, 5))
    params = Settings(edge=4, smooth=0, iterations=0)
    prepared = prepare(np.full((6, 16, 16), 9, np.uint8), voxel_size=size, settings=params)
    assert prepared.side == (4.0, 4.0, 4.0)
    seeded = np.zeros(prepared.nodes, bool)
    seeded[0] = True
    away = cell_distance(prepared, seeded).reshape(prepared.lattice)
    assert away[:, 0, 0].tolist() == pytest.approx([0, 4, 8, 12, 16, 20])
    assert away[0, 0, :].tolist() == pytest.approx([0, 4, 8, 12])


def test_a_part_lies_on_the_lattice_of_the_volume() -> None:
    box = Box((5, 7, 8), (20, 30, 40))
    part = prepare(GREY[box.slices].copy(), box=box, voxel_size=VOXELS, settings=SETTINGS)
    assert part.ids.shape == box.shape
    assert part.lattice == (6, 8, 12)  # cells of 3 from 1, 2, 2 to 6, 9, 13
    assert isinstance(part, Prepared)


def test_strokes_are_counted_per_supervoxel() -> None:
    strokes = find_strokes(PREPARED, SEEDS)
    assert {value: int(count.sum()) for value, count in strokes.counts.items()} == {
        value: int((value == SEEDS).sum()) for value in (1, 2, 3)
    }


def test_presets() -> None:
    assert choose_settings("lysosome") == PRESETS["mito"]
    assert choose_settings("er", preset="paper") == PRESETS["paper"]
    assert choose_settings("er", smoothness=2.0) == attrs.evolve(PRESETS["er"], smoothness=2.0)
    with pytest.raises(AsemError, match="no preset 'papers'; there are: mito, er"):
        choose_settings("er", preset="papers")
    with pytest.raises(AsemError, match=r"'edge' must be >= 1: 0\.5"):
        choose_settings("er", edge=0.5)


def test_the_papers_supervoxels_are_a_thousand_per_million_voxels() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (100, 100, 100)).astype(np.uint8)
    prepared = prepare(grey, voxel_size=VOXELS, settings=PRESETS["paper"])
    assert 900 < prepared.nodes <= 1000
