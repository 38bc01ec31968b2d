"""Contacts of pairs of objects, from the faces that blocks find near to each other.

Memory: in every block the objects of both organelles with a halo; of the whole volume the faces of contacts, 64 bytes
each. A square micrometre of contact at 5 nm has 40,000 to 70,000 of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import xarray as xr
from attrs import validators
from scipy import sparse

from asem_analysis_contacts.near import Index, Patch, near_faces
from asem_core import Box
from asem_core.analysis import Numbered, View, number_objects
from asem_core.blocks import map_blocks

_FORWARD = [(z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) > (0, 0, 0)]
"""Half of the 26 neighbours."""


@attrs.frozen(kw_only=True)
class Contacts:
    """Parameters of `measure_contacts`."""

    distance_nm: float = attrs.field(default=30.0, validator=validators.gt(0))
    """Surfaces at most this far apart are in contact. 30 nm: the usual bound of membrane contact sites (Scorrano et
    al. 2019, Nat. Commun. 10, 1287)."""
    min_volume_nm3: float = attrs.field(default=3375.0, validator=validators.ge(0))
    """Objects that are smaller, of both organelles, are left out."""


def measure_contacts(view: View, *, params: Contacts) -> xr.Dataset:
    """One row for every pair of objects, one of each organelle, whose surfaces come near each other.

    Area is that of the first organelle's surface whose nearest object is the other one, within the distance, and that
    looks at it; a site is a connected patch of that.
    """
    least = int(np.ceil(params.min_volume_nm3 / view.voxel_size.volume_nm3))
    objects = number_objects(view, min_voxels=least)
    rows: list[dict[str, Any]] = []
    for name, other in view.others.items():
        others = number_objects(other, min_voxels=least)
        rows += _rows(_patch(view, objects, others, name=name, params=params), view, objects, others, name=name)
    return _dataset(rows, view, objects)


def _patch(view: View, objects: Numbered, others: Numbered, *, name: str, params: Contacts) -> Patch:
    task = partial(
        near_faces, objects, others, volume=view.box, voxel_size=view.voxel_size, distance_nm=params.distance_nm
    )
    return Patch.joined(map_blocks(task, view.blocks, sweep=f"contacts with {name}", progress=view.progress))


def _rows(patch: Patch, view: View, objects: Numbered, others: Numbered, *, name: str) -> Iterator[dict[str, Any]]:
    pairs = np.stack([patch.number, patch.partner], axis=1)
    starts = np.flatnonzero(np.any(np.diff(pairs, axis=0, prepend=-1) != 0, axis=1))
    edge = np.add(view.objects.lower_edge_nm, np.multiply(view.voxel_size.zyx, 0.5))
    for start, stop in pairwise([*starts.tolist(), len(pairs)]):
        part = slice(start, stop)
        area, place = patch.area_nm2[part], patch.place[part]
        sites = site_areas(place, area, volume=view.box)
        weight = area if area.sum() else np.ones(len(area))
        z, y, x = edge + np.average(place * view.voxel_size.zyx, axis=0, weights=weight)
        yield {
            "object": int(objects.ids[patch.number[start] - 1]), "other": name,
            "other_object": int(others.ids[patch.partner[start] - 1]), "area_nm2": float(area.sum()),
            "distance_nm": float(patch.distance_nm[part].min()), "sites": len(sites),
            "largest_site_nm2": float(sites.max()), "z_nm": z, "y_nm": y, "x_nm": x,
        }  # fmt: skip


def site_areas(place: Index, area: npt.NDArray[np.float64], *, volume: Box) -> npt.NDArray[np.float64]:
    """The area of every connected patch, of faces that lie at the voxels ``place`` ``(n, 3)`` (26-connected).

    >>> place = np.array([[0, 0, 0], [0, 0, 1], [5, 5, 5]])
    >>> site_areas(place, np.array([25.0, 25.0, 10.0]), volume=Box((0, 0, 0), (9, 9, 9))).tolist()
    [50.0, 10.0]
    """
    wide = np.add(volume.shape, 2)  # no neighbour runs over the end of a row
    factor = np.array([wide[1] * wide[2], wide[2], 1], np.int64)
    voxels, of_face = np.unique((place + 1) @ factor, return_inverse=True)
    edges = []
    for step in _FORWARD:
        wanted = voxels + np.array(step) @ factor
        at = np.minimum(np.searchsorted(voxels, wanted), len(voxels) - 1)
        near = np.flatnonzero(voxels[at] == wanted)
        edges.append(np.stack([near, at[near]]))
    a, b = np.concatenate(edges, axis=1)
    graph = sparse.coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(len(voxels), len(voxels)))
    count, site = sparse.csgraph.connected_components(graph, directed=False)
    return np.asarray(np.bincount(site[of_face], weights=area, minlength=count), np.float64)


def _dataset(rows: list[dict[str, Any]], view: View, objects: Numbered) -> xr.Dataset:
    types: dict[str, type] = {"object": np.int64, "other": str, "other_object": np.int64, "sites": np.int64}
    types |= dict.fromkeys(("area_nm2", "distance_nm", "largest_site_nm2", "z_nm", "y_nm", "x_nm"), np.float64)
    columns: Mapping[str, Any] = {
        name: ("contact", np.array([row[name] for row in rows], kind)) for name, kind in types.items()
    }
    found = xr.Dataset(columns, {"contact": np.arange(1, len(rows) + 1)})
    return found.assign_attrs(statistics={name: _statistics(rows, objects, name) for name in view.others})


def _statistics(rows: list[dict[str, Any]], objects: Numbered, name: str) -> dict[str, Any]:
    """Of all pairs with one other organelle; None where there is no object to count."""
    own = [row for row in rows if row["other"] == name]
    touching = len({row["object"] for row in own})
    return {
        "contacts": len(own), "sites": sum(row["sites"] for row in own),
        "area_nm2": sum(row["area_nm2"] for row in own), "objects": len(objects), "objects_in_contact": touching,
        "share_in_contact": touching / len(objects) if len(objects) else None,
    }  # fmt: skip
