"""Voxel size, unit, place and order of axes: one set of rules, whatever the format."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asem_core.errors import VolumeError
from asem_core.geometry import VoxelSize
from asem_core.volume.stated import Lengths, Stated, choose_voxel_size, settle
from asem_core.volume.units import nm_per

ZYX = np.arange(2 * 3 * 4).reshape(2, 3, 4)


def settled(stated, array=ZYX):
    return settle(stated, array, chunks=array.shape, uri="here")


def size(values, units="nm", **more):
    return Stated(size=Lengths(values=values, units=units, where="attribute 'resolution'", **more))


@pytest.mark.parametrize(
    ("unit", "nm"),
    [
        *dict.fromkeys([(u, 1) for u in ("nm", "nm ", "NM", "nanometer", "nanometers", "Nanometre", b"nm", "[n_m]")]),
        *[(u, 1000) for u in ("um", "µm", "μm", "\\u00B5m", "micron", "microns", "micrometer", "Micrometres")],
        *[(u, 0.1) for u in ("Å", "\u212b", "angstrom", "Angstroms", "\\u00C5")],
        *[("mm", 1e6), ("cm", 1e7), ("m", 1e9), ("meter", 1e9), ("inch", 2.54e7), ("inches", 2.54e7), ("pm", 1e-3)],
    ],
)
def test_usual_spellings_of_units(unit, nm):
    assert nm_per(unit) == nm


@pytest.mark.parametrize(
    "unit", ["", " ", None, "pixel", "pixels", "px", "voxel", "none", "parsec", "s", 3, "reference"]
)
def test_what_is_no_length_is_not_stated(unit):
    found = settled(size([4, 4, 4], unit))
    assert found.voxel_size is None
    with pytest.raises(
        VolumeError, match=r"here: .* not state its voxel size \(attribute 'resolution' is \[4, 4, 4\]: "
    ):
        choose_voxel_size(found, None, agree=1e-3, uri="here")
    given, (note,) = choose_voxel_size(found, VoxelSize((5, 5, 5)), agree=1e-3, uri="here")
    assert given == VoxelSize((5, 5, 5))
    assert note.startswith("its voxel size is taken as not stated: attribute 'resolution' is [4, 4, 4]: ")


@pytest.mark.parametrize(
    "values",
    [[0, 0, 0], [4, 0, 4], [4, -4, 4], [float("nan")] * 3, [float("inf")] * 3, [4, 4], [4] * 4, "444", 5, None, {}, [],
     [True, True, True], [None] * 3, ["a", "b", "c"], [[4, 4, 4]], [10**400, 4, 4], np.zeros(3), np.array("five")],
)  # fmt: skip
def test_numbers_that_are_no_size_are_not_stated(values):
    found = settled(size(values))
    assert found.voxel_size is None
    assert len(found.unclear) == 1


@given(order=st.permutations("zyx"), extra=st.sampled_from(["", "c", "tc"]))
def test_named_axes_are_turned_with_their_numbers(order, extra):
    names = extra + "".join(order)
    array = ZYX.transpose(["zyx".index(axis) for axis in order]).reshape(
        (1,) * len(extra) + tuple(ZYX.shape["zyx".index(axis)] for axis in order)
    )
    of = {"z": 8.0, "y": 4.0, "x": 5.0, "c": 1.0, "t": 1.0}
    for numbers in ([of[axis] for axis in names], [of[axis] for axis in order]):
        found = settled(
            Stated(
                axes=list(names.upper()),
                size=Lengths(values=numbers, units="nm", where="size"),
                edge=Lengths(values=[10 * n for n in numbers], units=["nm"] * len(numbers), where="edge"),
            ),
            array,
        )
        assert found.voxel_size == VoxelSize((8, 4, 5))
        assert found.lower_edge_nm == (80, 40, 50)
        assert found.chunks == found.array.shape == ZYX.shape
        np.testing.assert_array_equal(found.array[:, 1:, ::2], ZYX[:, 1:, ::2])
        np.testing.assert_array_equal(found.array[1, :, 2:], ZYX[1, :, 2:])
        np.testing.assert_array_equal(found.array[1, 2, 3], ZYX[1, 2, 3])
        np.testing.assert_array_equal(found.array[1], ZYX[1])


@pytest.mark.parametrize(
    "shape", [(2, 3, 4), (1, 2, 3, 4), (2, 3, 4, 1), (2, 1, 3, 4), (1, 1, 2, 3, 4), (1, 2, 3, 4, 1)]
)
@pytest.mark.parametrize("named", [False, True])
def test_axes_without_names_of_ours_lose_those_of_length_1(shape, named):
    found = settled(Stated(axes=[f"dim_{n}" for n in range(len(shape))] if named else None), ZYX.reshape(shape))
    np.testing.assert_array_equal(found.array[:], ZYX)


def test_sections_of_one_voxel_stay():
    assert settled(Stated(), np.zeros((1, 1, 3, 4))).array.shape == (1, 3, 4)


@pytest.mark.parametrize(
    ("axes", "shape", "message"),
    [
        ("zxx", (2, 3, 4), "expected a 3D image whose axes are z,y,x, found z,x,x"),
        (["slice", "y", "x"], (2, 3, 4), "found slice,y,x"),
        ("yx", (3, 4), "found y,x"),
        ("zyx", (1, 2, 3, 4), r"3 axes are named \(z,y,x\) but the array has shape"),
        ("czyx", (2, 2, 3, 4), r"expected one channel and one time point, found shape \(2, 2, 3, 4\) \(c,z,y,x\)"),
        (None, (3, 4), r"expected a 3D image \(z,y,x\), found 2 axes"),
        (None, (2, 2, 3, 4), r"expected a 3D image \(z,y,x\), found 4 axes"),
    ],
)
def test_axes_that_are_refused(axes, shape, message):
    with pytest.raises(VolumeError, match=f"here: .*{message}"):
        settled(Stated(axes=axes), np.zeros(shape))


def test_centres_edges_and_their_units():
    centre = Lengths(values=[0.102, 2e-3, 42e-3], units="um", where="centre")
    found = settled(Stated(size=size([5, 4, 4]).size, centre=centre))
    np.testing.assert_allclose(found.lower_edge_nm, (99.5, 0, 40))
    unusable = Lengths(values=[0, float("nan"), 0], units="nm", where="attribute 'offset'")
    found = settled(Stated(size=size([5, 4, 4]).size, edge=unusable))
    assert found.lower_edge_nm is None
    assert found.notes == ("its position is taken as not stated: attribute 'offset' is [0, nan, 0]: it must be finite",)


def test_a_centre_needs_the_size_of_the_voxel():
    centre = Lengths(values=[1, 1, 1], units="nm", where="centre")
    assert settled(Stated(size=size([0, 0, 0]).size, centre=centre)).lower_edge_nm is None


def test_factors_and_units_per_axis():
    found = settled(size([4, 4, 0.01], ["nm", "nm", "um"], axes="xyz", times=([2, 2, 3],)))
    np.testing.assert_allclose(found.voxel_size.zyx, (30, 8, 8))
    assert settled(size([4, 4, 4], ["nm", "nm"])).voxel_size is None
    assert settled(size([4, 4, 4], axes=True)).voxel_size is None
    assert settled(size([4, 4, 4], times=([2, 2],))).voxel_size is None


def test_unsigned_values_that_are_stored_as_signed():
    stored = np.array([[[-1, 5]]], ">i2")
    found = settle(Stated(unsigned=True), stored, chunks=(1, 1, 2), uri="here").array
    assert found.dtype == np.uint16
    assert found[0, 0, :].tolist() == [65535, 5]
    assert found[0, 0, 0] == 65535


@pytest.mark.parametrize(
    ("side", "hint"), [(0.005, "micrometres"), (0.1, "did the program"), (5000, "micrometres for")]
)
def test_sizes_that_no_microscope_has_are_noted(side, hint):
    for found, told in ((settled(size([side] * 3)), None), (settled(Stated()), VoxelSize([side] * 3))):
        _, (note,) = choose_voxel_size(found, told, agree=1e-3, uri="here")
        assert hint in note
