"""The endoplasmic reticulum: one network of tubules with junctions and of fenestrated sheets, open to the envelope.

The skeleton is a Voronoi diagram of jittered points, whose edges meet in junctions; its faces that lie parallel to the
nuclear envelope, or to a slowly turning direction further out, are filled to sheets. Sizes before the swelling of the
fixation: tubules 50-70 nm wide (25-90 nm are reported, see Schroeder et al. 2019, J Cell Biol 218:83), sheets 50 nm
thick (Shibata et al. 2010, Cell 143:774). Holes in sheets: Schroeder et al.; their width of 70-115 nm is our choice.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from attrs import frozen
from scipy.sparse import coo_matrix  # type: ignore[import-untyped,unused-ignore]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped,unused-ignore]
from scipy.spatial import Voronoi  # type: ignore[import-untyped,unused-ignore]

from asem_dataset_simulated.cell.mesh import Mesh
from asem_dataset_simulated.cell.space import Cytosol
from asem_dataset_simulated.cell.style import Style
from asem_dataset_simulated.cell.surface import Surface
from asem_dataset_simulated.noise import Double, Index, smooth_at
from asem_dataset_simulated.placement import thinned

_ROOM_NM = 65.0
_TUBULE_NM = (25.0, 35.0)
_SHEET_NM = 25.0
_KEPT = 0.58  # share of the edges that are tubules; far above the bond percolation threshold of a 4-fold network, 0.39
_PIECE_NM = (110.0, 150.0)  # longest piece of a segment and of a triangle
_SALT = 500
Bends = tuple[tuple[float, float], ...]


@frozen(eq=False)
class Reticulum:
    """The skeleton, and the holes in its sheets: centres (H, 3) and radii (H,) in nm."""

    mesh: Mesh
    hole_nm: Double
    hole_radius_nm: Double


def make_er(space: Cytosol, nucleus: Surface, style: Style, *, seed: int, rng: np.random.Generator) -> Reticulum:
    """Draw the ER of a cell, as narrow a network and as swollen as ``style`` says."""
    swelling = style.er_swelling
    extent = (np.array(space.clearance_nm.shape) - 1) * space.step_nm
    diagram = Voronoi(_jittered(extent, style.er_spacing_nm, rng))
    room = space.locate(diagram.vertices)[1]
    faces = [np.array(face) for face in diagram.ridge_vertices if min(face) >= 0 and room[face].min() > _ROOM_NM]
    edges = np.unique(np.sort(np.concatenate([np.column_stack([f, np.roll(f, -1)]) for f in faces]), axis=1), axis=0)
    edges = edges[rng.random(len(edges)) < _KEPT]
    sheets = _sheets(diagram.vertices, faces, nucleus, seed, rng)
    edges, sheets = _largest(len(diagram.vertices), edges, sheets)
    segments = [_split(*diagram.vertices[edge]) for edge in edges]
    triangles = [piece for face in sheets for piece in _tile(diagram.vertices[face])]
    lines = _warp(np.concatenate(segments), seed, style.er_bends)
    plates = _warp(np.array(triangles).reshape(-1, 3, 3), seed, style.er_bends)
    lines = lines[(space.locate(lines.reshape(-1, 3))[1].reshape(-1, 2) > 40).all(axis=1)]
    junctions = _warp(diagram.vertices[np.unique(edges)], seed, style.er_bends)
    lines = np.concatenate([lines, *_stalks(junctions, nucleus, rng)])
    plates = plates[(space.locate(plates.reshape(-1, 3))[1].reshape(-1, 3) > 45).all(axis=1)]
    width = np.mean(_TUBULE_NM) + np.ptp(_TUBULE_NM) / 2 * np.clip(
        smooth_at(seed, _SALT + 5, lines.reshape(-1, 3), 400.0), -1, 1
    )
    holes, hole_radius = _holes(plates, rng)
    mesh = Mesh(lines, swelling * width.reshape(-1, 2), plates, np.full(len(plates), swelling * _SHEET_NM))
    return Reticulum(mesh=mesh, hole_nm=holes, hole_radius_nm=hole_radius)


def _jittered(extent: Double, spacing: float, rng: np.random.Generator) -> Double:
    z, y, x = (np.arange(-spacing, length + 2 * spacing, spacing) for length in extent)
    grid = np.stack(np.meshgrid(z, y, x, indexing="ij"), axis=-1).reshape(-1, 3)
    points: Double = grid + rng.uniform(-0.48, 0.48, grid.shape) * spacing
    return points


def _sheets(vertices: Double, faces: list[Index], nucleus: Surface, seed: int, rng: np.random.Generator) -> list[Index]:
    """The faces to fill: parallel to the envelope near it, else to a slowly turning direction, and only in places."""
    corners = np.array([vertices[face[[0, len(face) // 3, 2 * len(face) // 3]]] for face in faces])
    centre = corners.mean(axis=1)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    away = nucleus.at(centre)
    turning = np.column_stack([smooth_at(seed, _SALT + 10 + axis, centre, 1800.0) for axis in range(3)])
    near = np.exp(-np.maximum(away, 0) / 500.0)[:, None]
    direction = 1.5 * near * nucleus.normal(centre) + turning * (1 - near)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-9
    aligned = np.abs((normal * direction).sum(axis=1))
    wish = smooth_at(seed, _SALT + 20, centre, 1100.0) + 1.2 * near[:, 0] - 0.1
    chosen = (aligned > 0.72) & (wish > 0) & (rng.random(len(faces)) < 0.9)
    return [faces[index] for index in np.flatnonzero(chosen)]


def _largest(nodes: int, edges: Index, sheets: list[Index]) -> tuple[Index, list[Index]]:
    """What hangs together with most of the network."""
    rims = [np.column_stack([face, np.roll(face, -1)]) for face in sheets]
    pairs = np.concatenate([edges, *rims])
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(nodes, nodes))
    part = connected_components(graph, directed=False)[1]
    main = np.bincount(part[pairs[:, 0]]).argmax()
    return edges[part[edges[:, 0]] == main], [face for face in sheets if part[face[0]] == main]


def _split(start: Double, stop: Double) -> Double:
    """Segments (n, 2, 3) of at most the longest piece."""
    count = max(1, int(np.ceil(np.linalg.norm(stop - start) / _PIECE_NM[0])))
    points = start + np.linspace(0, 1, count + 1)[:, None] * (stop - start)
    return np.stack([points[:-1], points[1:]], axis=1)


def _tile(polygon: Double) -> list[Double]:
    """Triangles (3, 3) that fill a convex polygon (n, 3)."""
    centre = polygon.mean(axis=0)
    triangles: list[Double] = []
    for a, b in pairwise([*polygon, polygon[0]]):
        longest = max(np.linalg.norm(p - q) for p, q in ((a, b), (b, centre), (centre, a)))
        n = max(1, int(np.ceil(longest / _PIECE_NM[1])))
        at = [[centre + (i * (a - centre) + j * (b - centre)) / n for j in range(n + 1 - i)] for i in range(n + 1)]
        for i in range(n):
            for j in range(n - i):
                triangles.append(np.array([at[i][j], at[i + 1][j], at[i][j + 1]]))
                if i + j < n - 1:
                    triangles.append(np.array([at[i + 1][j], at[i + 1][j + 1], at[i][j + 1]]))
    return triangles


def _stalks(junctions: Double, nucleus: Surface, rng: np.random.Generator) -> list[Double]:
    """Tubules from junctions near the nucleus into its outer membrane, at least 450 nm apart."""
    away = nucleus.at(junctions)
    starts = junctions[(away > 45) & (away < 420)]
    ends = nucleus.project(starts) + 14.0 * nucleus.normal(starts) if len(starts) else starts
    kept: list[int] = []
    for index in rng.permutation(len(ends)):
        if not kept or np.linalg.norm(ends[kept] - ends[index], axis=1).min() > 450:
            kept.append(int(index))
    return [_split(starts[index], ends[index]) for index in kept]


def _warp(points: Double, seed: int, bends: Bends) -> Double:
    """Bend everything by smooth displacements, so that what touches goes on touching."""
    flat = points.reshape(-1, 3)
    warped = flat
    for number, (spacing, amplitude) in enumerate(bends):
        salt = _SALT + 30 * number
        shift = np.column_stack([smooth_at(seed, salt + axis, flat, spacing) for axis in range(3)])
        warped = warped + amplitude * np.clip(shift, -2, 2)
    return warped.reshape(points.shape)


def _holes(plates: Double, rng: np.random.Generator) -> tuple[Double, Double]:
    """Fenestrations in a quarter of the triangles, at least 170 nm apart."""
    centre = plates.mean(axis=1)
    centre = centre[rng.random(len(centre)) < 0.3]
    radius = rng.uniform(36, 58, len(centre))
    alive = thinned(centre, 170.0)
    return centre[alive], radius[alive]
