"""Objects merged, split and judged, and the log of it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from asem_annotate import proofread
from asem_annotate.proofread import table as tables
from asem_annotate.proofread.doubt import FACE
from asem_annotate.proofread.edited import Edited
from asem_annotate.proofread.halving import divide, settings_of
from asem_annotate.proofread.operation import read_line

from asem_core import Box, VoxelSize, open_volume
from asem_core.blocks.verify import status, verify
from asem_core.errors import AsemError, BudgetError, OutputError
from asem_core.volume import held

from .drawn import CRUMB, CUT, FUSED, LEFT, POINTS, RIGHT, SHAPE, SIZE, draw, probabilities, write_drawn

WHOLE = Box.of_shape(SHAPE)
IDS = draw()


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    return write_drawn(tmp_path / "mito.zarr", IDS)


@pytest.fixture
def proof(drawn: Path) -> proofread.Proof:
    return proofread.open_proof(drawn)


def now(proof: proofread.Proof) -> np.ndarray:
    return proof.edited().ids(WHOLE)


def check_table(edited: Edited, probability: np.ndarray) -> None:
    """The table that was kept up to date is that of the voxels."""
    ids = edited.ids(WHOLE)
    found, table = tables.measure(ids, WHOLE, core=WHOLE, probability=probability), edited.table
    for name in ("ids", "voxels", "low", "high", "pairs", "faces"):
        np.testing.assert_array_equal(getattr(table, name), getattr(found, name), err_msg=name)
    np.testing.assert_allclose(table.probability, found.probability)
    np.testing.assert_array_equal(ids[tuple(table.inside.T)], table.ids)


@pytest.mark.parametrize("seed", range(4))
def test_a_table_by_blocks_is_that_of_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 12, 3).tolist())
    ids = rng.integers(0, 4, shape) * rng.integers(0, 2, shape)
    whole = Box.of_shape(shape)
    probability = rng.random(shape)

    def part(core: Box) -> tables.Table:
        box = Box(core.start, [n + 1 for n in core.stop]).intersect(whole)
        return tables.measure(ids[box.slices], box, core=core, probability=probability[core.slices])

    found = tables.joined([part(core) for core in whole.tiles(rng.integers(2, 6, 3).tolist())])
    expected = tables.measure(ids, whole, core=whole, probability=probability)
    for field in attrs.fields(tables.Table):
        if field.name != "inside":
            np.testing.assert_allclose(getattr(found, field.name), getattr(expected, field.name), err_msg=field.name)
    np.testing.assert_array_equal(ids[tuple(found.inside.T)], found.ids)
    assert found.fingerprint == expected.fingerprint
    lower, upper = ids[:-1], ids[1:]
    across_z = {tuple(pair): n for pair, (n, _, _) in zip(found.pairs.tolist(), found.faces.tolist(), strict=True)}
    assert sum(across_z.values()) == np.count_nonzero(lower != upper)
    assert across_z.get((1, 2), 0) == np.count_nonzero(
        (np.minimum(lower, upper) == 1) & (np.maximum(lower, upper) == 2)
    )


def test_the_queue(proof: proofread.Proof) -> None:
    rows = {row.id: row for row in proofread.queue(proof)}
    assert set(rows) == {FUSED, LEFT, RIGHT, CRUMB, CUT}
    assert next(iter(rows)) == CRUMB
    assert rows[CRUMB].mean_probability == pytest.approx(150 / 255)
    assert rows[CRUMB].reasons["probability"] == pytest.approx(2 * (1 - 150 / 255))
    assert rows[LEFT].neighbour == RIGHT
    face = 12 * 14 * 8 * 10  # nm^2
    surface = 2 * face + 2 * 20 * 8 * (12 * 10 + 14 * 8)
    assert rows[LEFT].contact == pytest.approx(face / surface)
    assert (rows[CUT].at_face, rows[CUT].reasons["face"], rows[LEFT].at_face) == (True, FACE, False)
    reasons = np.array(list(rows[CRUMB].reasons.values()))
    assert rows[CRUMB].doubt == pytest.approx(1 - np.prod(1 - reasons))
    for row in rows.values():
        assert IDS[row.inside] == row.id
        assert row.volume_nm3 == np.count_nonzero(row.id == IDS) * SIZE.volume_nm3
    assert [row.id for row in proofread.queue(proof, by="contact")][:2] == [LEFT, RIGHT]
    with pytest.raises(AsemError, match="the queue is by doubt, size"):
        proofread.queue(proof, by="colour")  # type: ignore[arg-type]


def test_operations_and_their_table(proof: proofread.Proof) -> None:
    probability = probabilities(IDS) / np.float32(255)
    split = proofread.split(proof, FUSED, points=POINTS)
    assert split.ids == (FUSED, 6)
    first, second = (now(proof) == number for number in split.ids)
    assert not first[..., 37:].any()
    assert not second[..., :30].any()
    np.testing.assert_array_equal(first | second, IDS == FUSED)
    check_table(proof.edited(), probability)
    proofread.merge(proof, (RIGHT, LEFT))
    proofread.delete(proof, [CRUMB])
    proofread.accept(proof, [CUT, RIGHT])
    proofread.recategorise(proof, [6], category="lysosome")
    check_table(proof.edited(), probability)
    rows = {row.id: row for row in proofread.queue(proof, accepted=True)}
    assert set(rows) == {FUSED, RIGHT, CUT, 6}
    assert rows[RIGHT].contact == 0
    assert rows[6].category == "lysosome"
    assert {row.id for row in proofread.queue(proof)} == {FUSED, 6}
    merged = proofread.merge(proof, (6, RIGHT))  # of a part that a split made, and not beside it
    assert {row.id: row.category for row in proofread.queue(proof)} == {FUSED: None, 6: "lysosome"}
    check_table(proof.edited(), probability)
    for operation in (merged.number, 5, 4):
        assert proofread.undo(proof).undoes == operation
    assert {row.id for row in proofread.queue(proof)} == {FUSED, 6, RIGHT, CUT}
    for _ in range(3):
        proofread.undo(proof)
    np.testing.assert_array_equal(now(proof), IDS)
    with pytest.raises(AsemError, match="there is nothing to undo"):
        proofread.undo(proof)
    assert proofread.split(proof, FUSED, points=POINTS).ids == (FUSED, 7)  # 6 was another object
    assert [line.number for line in proofread.log(proof)] == list(range(1, 14))


def test_a_split_of_a_split_and_boxes_of_the_result(proof: proofread.Proof) -> None:
    proofread.split(proof, FUSED, points=POINTS)
    proofread.split(proof, 6, points=((15, 14, 40), (15, 14, 54)))
    proofread.split(proof, RIGHT, points=((15, 18, 97), (15, 18, 118)))
    proofread.merge(proof, (LEFT, RIGHT, 7))
    check_table(proof.edited(), probabilities(IDS) / np.float32(255))
    whole = now(proof)
    assert set(np.unique(whole)) == {0, FUSED, LEFT, CRUMB, CUT, 6, 8}
    for box in (Box((3, 5, 33), (20, 30, 60)), Box((15, 14, 46), (16, 15, 47)), Box((0, 0, 149), (32, 40, 150))):
        np.testing.assert_array_equal(proof.edited().ids(box), whole[box.slices])


@pytest.mark.parametrize("size", [(5, 5, 5), (12, 5, 5)])
@pytest.mark.parametrize("grey", [False, True])
def test_a_cut_goes_through_the_narrow_place(size: Any, grey: bool) -> None:
    """Two rods that touch over a waist nearer to one of the points; or that are wide, with a dark membrane."""
    mask = np.zeros((20, 30, 80), bool)
    mask[3:17, 3:27, 2:50] = mask[3:17, 3:27, 53:78] = True
    mask[3:17, 3:27, 50:53] = True
    if not grey:
        mask[:, :, 50:53] = False
        mask[7:13, 9:18, 50:53] = True
    image = np.full(mask.shape, 200, np.uint8)
    image[..., 50:53] = 30
    taken = divide(
        mask,
        [(10, 15, 12), (10, 15, 60)],
        grey=image if grey else None,
        voxel_size=VoxelSize(size),
        settings=settings_of("mito", int(mask.sum())),
    )
    right = mask.copy()
    right[..., :51] = False
    assert np.count_nonzero(taken != right) < 0.03 * np.count_nonzero(mask)


def test_where_nothing_is_narrow_the_cut_lies_between_the_points() -> None:
    mask = ((np.indices((30, 30, 40)).T - (15, 15, 20)) ** 2).sum(-1).T <= 196
    points = ((15, 15, 11), (15, 15, 29))
    settings = settings_of("mito", int(mask.sum()))
    taken = divide(mask, points, voxel_size=VoxelSize((5, 5, 5)), settings=settings)
    assert 0.4 < taken.sum() / mask.sum() < 0.6
    assert not taken[..., :17].any()


def test_a_cut_follows_an_image_that_is_given(proof: proofread.Proof, tmp_path: Path) -> None:
    grey = np.full(SHAPE, 200, np.uint8)
    grey[..., 84:86] = 20
    write_drawn(tmp_path / "grey.zarr", IDS)
    image = open_volume(tmp_path / "grey.zarr")
    points = ((15, 18, 78), (15, 18, 93))
    found = proofread.split(proof, LEFT, points=points, image=attrs.evolve(image, array=grey))
    right = (now(proof) == found.ids[1]).any(axis=(0, 1)).nonzero()[0]
    assert 83 <= right.min() <= 87


def test_only_boxes_of_what_is_touched_are_read(drawn: Path) -> None:
    read: list[Box] = []
    proof = proofread.open_proof(drawn)

    class Spy:
        shape, dtype = proof.volume.shape, proof.volume.dtype

        def __getitem__(self, key: Any) -> Any:
            read.append(Box([k.start for k in key], [k.stop for k in key]))
            return proof.volume.array[key]

    spied = attrs.evolve(proof, volume=attrs.evolve(proof.volume, array=Spy()))
    boxes = {int(number): proof.table.box(row) for row, number in enumerate(proof.table.ids)}
    proofread.merge(spied, (LEFT, RIGHT))
    proofread.split(spied, FUSED, points=POINTS)
    proofread.delete(spied, [CRUMB])
    assert len(read) > 3
    for box in read:
        assert any(boxes[number].grow(1).contains(box) for number in (LEFT, RIGHT, FUSED, CRUMB)), box


def test_the_log_survives_what_a_kill_leaves(proof: proofread.Proof) -> None:
    proofread.delete(proof, [CRUMB], user="Ann")
    proofread.merge(proof, (LEFT, RIGHT))
    content = proof.log.read_bytes()
    whole, last = content.split(b"\n")[:2]
    for cut in (1, 30, len(last)):
        proof.log.write_bytes(whole + b"\n" + last[:cut])
        assert [line.operation for line in proofread.log(proof)] == ["delete"]
        np.testing.assert_array_equal(now(proof), np.where(IDS == CRUMB, 0, IDS))
        assert proofread.merge(proof, (LEFT, RIGHT)).number == 2
        assert len(proofread.log(proof)) == 2
    line = json.loads(whole)
    assert (line["user"], line["operation"], line["ids"], line["label"]) == ("Ann", "delete", [4], proof.fingerprint)
    assert line["objects"][0]["volume_nm3"] == 18 * SIZE.volume_nm3
    assert read_line(line) == proofread.log(proof)[0]


@pytest.mark.parametrize("line", ["{}", "no JSON", '{"number": 2}', "[]"])
def test_a_log_that_is_none(proof: proofread.Proof, line: str) -> None:
    proof.log.write_text(line + "\n")
    with pytest.raises(AsemError, match=r"jsonl, line 1: expected an operation of `asem proofread`"):
        proofread.queue(proof)
    assert proof.log.read_text() == line + "\n"


def test_nobody_else_writes_the_log(proof: proofread.Proof) -> None:
    with held(proof.log), pytest.raises(OutputError, match="is being written by another process"):
        proofread.delete(proof, [CRUMB])
    assert not proof.log.exists()


def test_what_cannot_be_done(proof: proofread.Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    proofread.delete(proof, [CRUMB])
    before = proof.log.read_bytes()
    with pytest.raises(AsemError, match=r"there is no object 4; operation 1: delete 4 \("):
        proofread.accept(proof, [CRUMB])
    with pytest.raises(AsemError, match="there is no object 99"):
        proofread.merge(proof, (LEFT, 99))
    with pytest.raises(AsemError, match="two different objects or more, got 2 2"):
        proofread.merge(proof, (LEFT, LEFT))
    with pytest.raises(AsemError, match=r"voxel 15,18,100 \(z,y,x\) is not in object 2 but in object 3"):
        proofread.split(proof, LEFT, points=((15, 18, 80), (15, 18, 100)))
    with pytest.raises(AsemError, match=r"voxel 15,18,150 \(z,y,x\) lies outside"):
        proofread.split(proof, LEFT, points=((15, 18, 80), (15, 18, 150)))
    with pytest.raises(AsemError, match="takes two different voxels, got"):
        proofread.split(proof, LEFT, points=((15, 18, 80), (15, 18, 80)))
    with pytest.raises(AsemError, match="a category is a word"):
        proofread.recategorise(proof, [LEFT], category="a/b")
    monkeypatch.setattr("asem_annotate.scene.LARGEST", 1000)
    with pytest.raises(BudgetError, match="this is 12 x 14 x 20: choose a smaller object"):
        proofread.split(proof, LEFT, points=((15, 18, 80), (15, 18, 90)))
    assert proof.log.read_bytes() == before


def test_objects_apart_are_merged_with_a_warning(proof: proofread.Proof, caplog: pytest.LogCaptureFixture) -> None:
    proofread.merge(proof, (LEFT, RIGHT))
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        proofread.merge(proof, (LEFT, CUT))
    assert "2 5 do not all touch" in caplog.text


def test_what_is_written(proof: proofread.Proof, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (tmp_path / "mito.zarr").rglob("*") if path.is_file()}
    proofread.split(proof, FUSED, points=POINTS)
    proofread.recategorise(proof, [CRUMB], category="lysosome")
    made = proofread.write(proof, tmp_path / "out.zarr")
    assert made.objects == {"mito_proofread": 5, "lysosome_proofread": 1}
    whole = now(proof)
    for name, expected in {
        "mito_proofread": np.where(whole == CRUMB, 0, whole),
        "lysosome_proofread": np.where(whole == CRUMB, whole, 0),
    }.items():
        found = open_volume(made.path / "labels" / name)
        assert (found.dtype, found.lower_edge_nm, found.voxel_size) == (np.uint32, proof.volume.lower_edge_nm, SIZE)
        np.testing.assert_array_equal(found.read(found.box), expected)
    image = open_volume(made.path)
    np.testing.assert_array_equal(image.read(image.box), probabilities(IDS))
    assert verify(made.path).sound
    assert proofread.write(proof, tmp_path / "out.zarr") == made
    again = proofread.open_proof(made.path / "labels" / "mito_proofread")
    assert again.probability is not None
    assert again.organelle == "mito"
    assert set(again.table.ids) == {FUSED, LEFT, RIGHT, CUT, 6}
    proofread.undo(proof)
    with pytest.raises(OutputError, match="made with other settings"):
        proofread.write(proof, tmp_path / "out.zarr")
    with pytest.raises(OutputError, match="what is read"):
        proofread.write(proof, tmp_path / "mito.zarr", overwrite=True)
    with pytest.raises(OutputError, match=r"name it NAME\.zarr"):
        proofread.write(proof, tmp_path / "out.tif")
    assert {path: path.read_bytes() for path in before} == before


def test_a_label_that_was_half_written_is_finished(proof: proofread.Proof, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(sweep: str, done: int, total: int) -> None:
        if sweep == "writing" and done:
            raise StopError

    proofread.delete(proof, [CRUMB])
    with pytest.raises(StopError):
        proofread.write(proof, tmp_path / "out.zarr", progress=stop)
    assert not status(tmp_path / "out.zarr").complete
    made = proofread.write(proof, tmp_path / "out.zarr")
    assert verify(made.path).sound
    found = open_volume(made.path / "labels" / "mito_proofread")
    np.testing.assert_array_equal(found.read(found.box), np.where(IDS == CRUMB, 0, IDS))


def test_a_label_segmented_anew_in_place(proof: proofread.Proof, tmp_path: Path) -> None:
    """Other ids, one object more, one that is merged already, one that is gone."""
    split = proofread.split(proof, FUSED, points=POINTS)
    proofread.accept(proof, [CUT], user="Ann")
    proofread.merge(proof, (LEFT, RIGHT))
    proofread.delete(proof, [CRUMB])
    proofread.recategorise(proof, [split.ids[1]], category="lysosome")
    proofread.accept(proof, [LEFT])
    proofread.undo(proof)
    anew = np.array([0, 31, 12, 12, 0, 7])[IDS].astype(np.uint32)
    anew[20:22, 2:4, 2:4] = 40
    (tmp_path / "mito.zarr").rename(tmp_path / "old.zarr")
    other = proofread.open_proof(write_drawn(tmp_path / "mito.zarr", anew))
    assert other.log == proof.log
    with pytest.raises(AsemError, match=r"made on another label .* `asem proofread replay"):
        proofread.delete(other, [40])
    made = proofread.replay(other, user="Bob")
    assert made.left == (
        "3: merge 2 3: they are one object already, 12",
        "4: delete 4: where 4 was there is no object",
    )
    assert [line.told for line in made.done] == [
        "split 31: part of it is 41", "accept 7", "recategorise 41 as lysosome"
    ]  # fmt: skip
    assert made.done[1].user == "Ann"
    marks = [line for line in proofread.log(other) if line.operation == "replay"]
    assert [(line.user, line.source) for line in marks] == [("Bob", str(proof.log))]
    np.testing.assert_array_equal(now(other) == 41, IDS_AFTER(proof, split) == split.ids[1])
    repeated = proofread.replay(other)
    assert (repeated.done, repeated.before, repeated.left) == ((), 3, made.left)
    proofread.undo(other)
    assert proofread.replay(other).before == 3  # what was undone on purpose stays undone
    assert "3 were before" in str(repeated)


def IDS_AFTER(proof: proofread.Proof, split: proofread.Operation) -> np.ndarray:  # noqa: N802
    """The first label after its split."""
    assert split.cut is not None
    ids = IDS.astype(np.int64)
    ids[split.cut.place.slices][split.cut.mask()] = split.ids[1]
    return ids


def test_a_part_of_the_volume_segmented_anew_elsewhere(proof: proofread.Proof, tmp_path: Path) -> None:
    proofread.delete(proof, [CUT])
    proofread.accept(proof, [RIGHT])
    proofread.split(proof, FUSED, points=POINTS)
    proofread.merge(proof, (LEFT, RIGHT))
    part = Box((0, 2, 60), (32, 40, 110))
    edge = tuple(e + s * v for e, s, v in zip((100, 0, 40), part.start, SIZE.zyx, strict=True))
    other = proofread.open_proof(write_drawn(tmp_path / "part.zarr", IDS[part.slices], edge=edge))
    with pytest.raises(AsemError, match=r"there are no operations on another label in it; give the log"):
        proofread.replay(other)
    made = proofread.replay(other, proof.log)
    assert [line.told for line in made.done] == ["accept 3", "merge 2 3"]
    assert [text.partition(": ")[2] for text in made.left] == [
        "delete 5: where 5 was there is no object", "split 1: part of it is 6: one of its points is in no object"
    ]  # fmt: skip
    assert set(np.unique(other.edited().ids(other.volume.box))) == {0, LEFT, CRUMB}


def test_what_grew_much_is_not_the_same(proof: proofread.Proof, tmp_path: Path) -> None:
    proofread.delete(proof, [CRUMB])
    anew = IDS.copy()
    anew[2:9, 27:36, 66:80] = CRUMB
    made = proofread.replay(proofread.open_proof(write_drawn(tmp_path / "b.zarr", anew)), proof.log)
    assert not made.done
    assert "4 of 1.15e+04 nm^3 was not found again: 100% of it is in 4, which has" in made.left[0]


def test_a_replay_that_was_stopped_goes_on(proof: proofread.Proof, tmp_path: Path) -> None:
    for number in (LEFT, RIGHT, CUT):
        proofread.accept(proof, [number])
    other = proofread.open_proof(write_drawn(tmp_path / "b.zarr", np.where(IDS == CRUMB, 0, IDS)))

    class StopError(Exception):
        pass

    def stop(sweep: str, done: int, total: int) -> None:
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        proofread.replay(other, proof.log, progress=stop)
    made = proofread.replay(other, proof.log)
    assert (made.before, len(made.done), made.left) == (2, 1, ())


def test_volumes_of_other_kinds(tmp_path: Path) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "ids.tif", IDS.astype(np.uint16), photometric="minisblack")
    proof = proofread.open_proof(tmp_path / "ids.tif", voxel_size=(10, 8, 8), organelle="mito")
    assert (proof.image, proof.probability, proof.log.name) == (None, None, "ids.tif.proofread.jsonl")
    row = proofread.queue(proof)[-1]
    assert (row.mean_probability, row.reasons["probability"]) == (None, 0)
    split = proofread.split(proof, FUSED, points=POINTS)
    made = proofread.write(proof, tmp_path / "out.zarr")
    found = open_volume(made.path / "labels" / "mito_proofread")
    np.testing.assert_array_equal(found.read(found.box), IDS_AFTER(proof, split))
    write_drawn(tmp_path / "raw.zarr", IDS, made_by="asem annotate cut")
    assert proofread.open_proof(tmp_path / "raw.zarr").probability is None
    with pytest.raises(OutputError, match="what is read"):
        proofread.open_proof(tmp_path / "raw.zarr", log=tmp_path / "raw.zarr" / "log.jsonl")
    tifffile.imwrite(tmp_path / "p.tif", probabilities(IDS)[1:], photometric="minisblack")
    with pytest.raises(AsemError, match="the probability map is that of the label"):
        proofread.open_proof(tmp_path / "raw.zarr", probabilities=tmp_path / "p.tif")
    tifffile.imwrite(tmp_path / "f.tif", IDS.astype(np.float32), photometric="minisblack")
    with pytest.raises(AsemError, match="labels are integers"):
        proofread.open_proof(tmp_path / "f.tif", voxel_size=(5, 5, 5))
    tifffile.imwrite(tmp_path / "n.tif", -IDS.astype(np.int16), photometric="minisblack")
    with pytest.raises(AsemError, match=r"ids are integers from 0 to 2\^63, found -[1-5]"):
        proofread.open_proof(tmp_path / "n.tif", voxel_size=(5, 5, 5))


def test_the_count_of_objects_is_kept_for_the_same_files_only(drawn: Path) -> None:
    steps: list[str] = []
    first = proofread.open_proof(drawn, progress=lambda sweep, *_: steps.append(sweep))
    assert steps
    steps.clear()
    assert proofread.open_proof(drawn, progress=lambda sweep, *_: steps.append(sweep)).fingerprint == first.fingerprint
    assert not steps
    first.log.with_suffix(".npz").write_bytes(b"damaged")
    assert proofread.open_proof(drawn).fingerprint == first.fingerprint
