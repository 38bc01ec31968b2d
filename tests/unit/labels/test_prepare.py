"""`asem labels prepare` against slow code of its own: plain sets and loops, on random volumes cut at random blocks."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core.errors import AsemError, OutputError, PluginError, VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.labels.blocks import LabelBlocks, apply_rule
from asem_core.labels.plan import choose_zone, make_plan
from asem_core.labels.prepare import prepare_labels
from asem_core.labels.zone import make_zone
from asem_core.params import make_params
from asem_core.registry import make_registry, resolve
from asem_core.specs import DatasetSpec, StageRef
from asem_core.volume.volume import Volume

REGISTRY = make_registry()
STEPS = [step for step in product((-1, 0, 1), repeat=3) if sum(map(abs, step)) == 1]
NEIGHBOURS = [step for step in product((-1, 0, 1), repeat=3) if any(step)]
ORGANELLES = ("mito", "er", "golgi", "pore", "ccp")


def around(voxel, steps):
    return [tuple(a + b for a, b in zip(voxel, step, strict=True)) for step in steps]


def components(voxels, steps):
    left = set(voxels)
    while left:
        front = [left.pop()]
        found = set(front)
        while front:
            new = left.intersection(around(front.pop(), steps))
            left -= new
            found |= new
            front += new
        yield found


def as_dict(labels):
    return {voxel: int(labels[voxel]) for voxel in np.ndindex(labels.shape)}


def slow_remove(ids, limit):
    ids = dict(ids)
    for found in components([v for v, i in ids.items() if i], NEIGHBOURS):
        if len(found) < limit:
            ids.update(dict.fromkeys(found, 0))
    return ids


def slow_fill(ids, limit):
    filled = dict(ids)
    for hole in components([v for v, i in ids.items() if not i], STEPS):
        rim = {n for voxel in hole for n in around(voxel, STEPS)} - hole
        if len(hole) < limit and rim <= ids.keys():
            votes = Counter(ids[voxel] for voxel in rim)
            filled.update(dict.fromkeys(hole, min(votes, key=lambda i: (-votes[i], i))))
    return filled


def slow_dilate(ids, width):
    """One step at a time; who comes first keeps the voxel, of those who come together the lowest id."""
    for _ in range(width):
        reach = {v: [ids[n] for n in around(v, STEPS) if ids.get(n)] for v, i in ids.items() if not i}
        ids = {**ids, **{v: min(found) for v, found in reach.items() if found}}
    return ids


def slow_zone(ids, dilate, erode):
    outer = slow_dilate(ids, dilate)
    inner = {v for v, i in ids.items() if i}
    for _ in range(erode):
        inner = {v for v in inner if inner.issuperset(around(v, STEPS))}
    return {v for v, i in outer.items() if i and v not in inner}


SLOW = {
    "mito": (lambda ids: slow_dilate(slow_remove(ids, 27), 1), (4, 4)),
    "golgi": (lambda ids: slow_dilate(slow_remove(ids, 27), 3), (2, 2)),
    "er": (lambda ids: slow_fill(ids, 20_000), (1, 1)),
    "pore": (lambda ids: ids, (3, 1)),
    "ccp": (lambda ids: ids, (3, 1)),
}


def volume(labels, voxel_size=(5, 5, 5), *, uri="memory", chunks=(8, 8, 8)):
    return Volume(array=labels, voxel_size=VoxelSize(voxel_size), uri=uri, format="memory", chunks=chunks)


def prepared(labels, organelle, folder, *, block=(128, 128, 128), voxel_size=(5, 5, 5), **plan):
    made = prepare_labels(
        volume(labels, voxel_size), folder / "out.zarr", organelle=organelle, registry=REGISTRY, block=block, **plan
    )
    group = zarr.open_group(folder / "out.zarr", mode="r")
    return group["0"][:], group["labels/metric_mask/0"][:], made.to_json()


def random_labels(shape, seed, share):
    """Crumbs, lumps and shells of several ids, some touching."""
    rng = np.random.default_rng(seed)
    labels = (rng.integers(1, 4, shape) * (rng.random(shape) < share / 4)).astype(np.uint32)
    for identifier in range(4, 8):
        start = [int(rng.integers(-2, n)) for n in shape]
        stop = [a + int(rng.integers(1, 7)) for a in start]
        box = Box(start, stop).intersect(Box.of_shape(shape))
        labels[box.slices] = identifier
        if min(box.shape) > 2:
            labels[box.grow(-1).slices] = 0
    return labels


sides = st.tuples(*[st.integers(1, 14)] * 3)
seeds = st.integers(0, 9999)
shares = st.sampled_from([0.0, 0.1, 0.5, 2.0, 3.6])


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(sides, sides, seeds, shares, st.sampled_from(["remove_small_objects", "fill_holes", "dilate_labels"]),
       st.integers(0, 60))  # fmt: skip
def test_every_rule_by_blocks_is_the_rule_on_the_array_and_slow_code(shape, block, seed, share, name, number):
    labels, five = random_labels(shape, seed, share), VoxelSize((5, 5, 5))
    spec = REGISTRY.label_rules[name]
    slow = {"remove_small_objects": slow_remove, "fill_holes": slow_fill, "dilate_labels": slow_dilate}[name]
    key, number = ("width", number % 5) if name == "dilate_labels" else (
        {"remove_small_objects": "min_voxels", "fill_holes": "max_voxels"}[name], number)  # fmt: skip
    params = make_params(spec, {key: number})
    whole = resolve(spec.fn)(labels, voxel_size=five, params=params)
    with TemporaryDirectory() as scratch:
        start = LabelBlocks(read=lambda box: labels[box.slices], shape=shape, scratch=Path(scratch), block=block)
        done = apply_rule(start, spec, voxel_size=five, params=params)
        parts = {box: done.read(box) for box in start.blocks}
    by_blocks = np.empty_like(labels)
    for box, part in parts.items():
        by_blocks[box.slices] = part
    np.testing.assert_array_equal(by_blocks, whole)
    assert as_dict(whole) == slow(as_dict(labels), number)


@pytest.mark.parametrize("organelle", ORGANELLES)
@settings(deadline=None, max_examples=6)
@given(shape=sides, block=sides, seed=seeds, share=shares)
def test_the_command_is_slow_code_voxel_for_voxel(organelle, shape, block, seed, share):
    labels = random_labels(shape, seed, share)
    with TemporaryDirectory() as folder:
        found, mask, report = prepared(labels, organelle, Path(folder), block=block)
    rules, widths = SLOW[organelle]
    expected = rules(as_dict(labels))
    zone = slow_zone(expected, *widths)
    assert as_dict(found) == expected
    assert {voxel for voxel, scored in as_dict(mask).items() if not scored} == zone
    assert report["zone"]["excluded_voxels"] == len(zone)
    assert report["stages"][-1]["changed"]["voxels_after"] == sum(i > 0 for i in expected.values())


def test_objects_and_holes_that_cross_chunks_are_judged_as_one(tmp_path):
    labels = np.zeros((4, 4, 150), np.uint16)
    labels[0, 0, 50:77] = 300  # 27 voxels over a chunk border: stays
    labels[3, 3, 60:86] = 301  # 26: goes
    found, _, report = prepared(labels, "mito", tmp_path, block=(64, 64, 64), dilate=0)
    assert set(np.unique(found)) == {0, 300}
    assert report["stages"][0]["changed"] == {"objects_removed": 1, "voxels_before": 53, "voxels_after": 27}


def test_numbers_on_the_grid_of_the_labels(tmp_path):
    _, _, report = prepared(np.zeros((9, 9, 9), bool), "golgi", tmp_path, voxel_size=(20, 10, 4))
    cleanup, dilation = report["stages"]
    assert cleanup["on_grid"]["min_voxels"] == {"voxels": 27 * 125 / 800, "nm3": 3375}
    assert dilation["on_grid"]["width"] == {"voxels": (1, 2, 4), "nm": (20, 20, 16)}
    assert report["zone"]["on_grid"]["dilate"]["voxels"] == (1, 1, 2)
    made = zarr.open_group(tmp_path / "out.zarr", mode="r").attrs["asem"]
    assert json.loads(json.dumps(report["zone"]["params"])) == made["zone"]["params"]
    assert [stage["version"] for stage in made["stages"]] == ["1", "1"]


def test_the_data_sets_dilation_comes_before_the_organelles_and_the_users_before_both():
    mito = REGISTRY.organelles["mito"]
    dataset = DatasetSpec(name="d", uri="u", voxel_size_nm=(5, 5, 5), licence="", citation="",
                          labels={"mito": {"path": "m", "dilate_voxels": 0}})  # fmt: skip

    def width(**more):
        return make_plan(mito, REGISTRY, **more).rules[-1][1].width

    assert (width(), width(dataset=dataset), width(dataset=dataset, dilate=2)) == (1, 0, 2)
    with pytest.raises(PluginError, match="has no labels of 'er'; it has: mito"):
        make_plan(REGISTRY.organelles["er"], REGISTRY, dataset=dataset)


@pytest.mark.parametrize(("stage", "message"), [
    (StageRef(name="fill_hole"), "unknown label rule 'fill_hole'.*did you mean 'fill_holes'"),
    (StageRef(name="fill_holes", params={"size": 3}), "no parameter size; parameters of fill_holes: max_voxels"),
    (StageRef(name="fill_holes", params={"max_voxels": "many"}), "cannot take.*many"),
    (StageRef(name="fill_holes", params={"max_voxels": "-1"}), "cannot take"),
])  # fmt: skip
def test_bad_rules(stage, message):
    with pytest.raises(PluginError, match=message):
        make_plan(REGISTRY.organelles["er"], REGISTRY, cleanup=[stage])


def test_zones_by_name():
    er = REGISTRY.organelles["er"]

    def widths(text):
        params = make_zone(choose_zone(er, text, registry=REGISTRY), REGISTRY).params
        return params.dilate, params.erode

    texts = ("paper", "incasem", "3,1", "shell:dilate=2,erode=5")
    assert [widths(text) for text in texts] == [(1, 1), (2, 2), (3, 1), (2, 5)]
    with pytest.raises(AsemError, match=r"a preset of er \(paper, incasem\), or .* of the zones shell; got 'thick'"):
        choose_zone(er, "thick", registry=REGISTRY)
    with pytest.raises(PluginError, match=r"shell cannot take dilate=2: .*; parameters of shell: dilate, erode"):
        widths("shell:dilate=2")
    with pytest.raises(PluginError, match=r"cannot take .*'dilate' must be >= 0"):
        widths("shell:dilate=-2,erode=1")


def test_what_cannot_be_prepared_leaves_nothing(tmp_path):
    with pytest.raises(VolumeError, match="integers >= 0, found -1"):
        prepare_labels(
            volume(np.full((3, 3, 3), -1, np.int16)), tmp_path / "o.zarr", organelle="mito", registry=REGISTRY
        )
    with pytest.raises(OutputError, match=r"name it NAME\.zarr"):
        prepare_labels(volume(np.zeros((3, 3, 3), bool)), tmp_path / "o.tif", organelle="mito", registry=REGISTRY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "cleanup", "dilate", "zone", "incasem"), [
    ("mito", [("remove_small_objects", {"min_voxels": 27})], 1, (4, 4), (4, 4)),
    ("golgi", [("remove_small_objects", {"min_voxels": 27})], 3, (2, 2), (2, 2)),
    ("er", [("fill_holes", {"max_voxels": 20_000})], 0, (1, 1), (2, 2)),
    ("pore", [], 0, (3, 1), (1, 1)),
    ("ccp", [], 0, (3, 1), (2, 2)),
])  # fmt: skip
def test_the_organelles_carry_the_numbers_of_the_paper(name, cleanup, dilate, zone, incasem):
    spec = REGISTRY.organelles[name]
    assert [(stage.name, dict(stage.params)) for stage in spec.cleanup] == cleanup
    assert spec.dilate_voxels == dilate
    assert spec.exclusion_zone == StageRef(name="shell", params=dict(zip(("dilate", "erode"), zone, strict=True)))
    assert spec.zone_presets == {
        "incasem": StageRef(name="shell", params=dict(zip(("dilate", "erode"), incasem, strict=True)))
    }
    assert spec.threshold == 0.5
