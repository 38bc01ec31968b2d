"""The sections that are stored of each object show what was measured, where it was measured."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import xarray as xr
from asem_analysis_pits.analysis import measure_pits
from asem_analysis_pits.params import Pits
from asem_analysis_pits.sample import sample

Found = tuple[Any, xr.Dataset]


@pytest.fixture(params=["", "_anisotropic"])
def measured(request: pytest.FixtureRequest) -> Found:
    """The drawn cell, and its measurements."""
    return request.getfixturevalue(f"drawn{request.param}"), request.getfixturevalue(f"found{request.param}")


def test_a_section_shows_the_image_about_the_centroid(measured: Found) -> None:
    drawn, found = measured
    for index in range(4):
        pit = found.isel(pit=index)
        rows, columns = (axis for axis in "zyx" if axis != pit.view_axis.item())
        point = {axis: np.full((128, 128), pit[f"{axis}_nm"].item()) for axis in "zyx"}
        point[rows] = point[rows] + pit.row_nm.values[:, None]
        point[columns] = point[columns] + pit.column_nm.values
        point[pit.view_axis.item()][:] = pit.view_nm.item()
        points, voxel_nm = np.stack([point[axis] for axis in "zyx"], axis=-1), drawn.voxel_size.zyx
        inside = ((points >= 0) & (points <= np.array(drawn.raw.shape) * voxel_nm)).all(axis=-1)
        expected = np.where(inside, sample(drawn.raw, points, voxel_nm=voxel_nm), np.nan)
        np.testing.assert_allclose(pit.section.values, expected, atol=1e-3)
    assert np.isnan(pit.section.values).any()  # the vesicle lies near a face


def test_an_axis_section_shows_the_lumen_where_it_was_measured(measured: Found) -> None:
    _, found = measured
    for index in range(3):
        pit = found.isel(pit=index)
        normal = np.array([pit[f"normal_{axis}"].item() for axis in "zyx"])
        assert abs(pit.across.values @ normal) < 1e-9
        assert np.linalg.norm(pit.across.values) == pytest.approx(1)
        grey = pit.axis_section.interp(below_nm=np.arange(0, 200.0), across_nm=np.arange(-100, 101.0))
        half, height = pit.width_nm.item() / 2, pit.height_nm.item()
        lumen = grey.sel(below_nm=height / 2, across_nm=0, method="nearest")
        walls = [grey.sel(below_nm=height / 2, across_nm=side * (half + 5), method="nearest") for side in (-1, 1)]
        floor = grey.sel(below_nm=height + 5, across_nm=0, method="nearest")
        assert max(*walls, floor) < lumen - 60
        above = pit.axis_section.sel(below_nm=-30, method="nearest").sel(across_nm=slice(-40, 40))
        assert above.mean() == pytest.approx(220, abs=4)  # outside is on top


def test_only_pits_have_an_axis_and_cut_objects_are_seen(drawn: Any, make_view: Any) -> None:
    parts = {name: getattr(drawn, name)[:, :, 40:] for name in ("objects", "raw", "cell")}
    found = measure_pits(make_view(attrs.evolve(drawn, **parts)), params=Pits())
    assert found.flags.values[0] == "touches-border"
    for pit in (0, 3):  # cut, a vesicle
        assert np.isnan(found.axis_section.values[pit]).all()
        assert np.isnan(found.mouth_nm.values[pit]).all()
        assert np.isfinite(found.section.values[pit, 64, 64])
