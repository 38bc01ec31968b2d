"""Where a scene is drawn, without a window: light, surfaces, section, camera. um, x, y, z."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from asem_core.errors import AsemError
from asem_mesh.film.scene import Image, Scene

Ground = Literal["dark", "light"]
GROUNDS = {"dark": ("#0b0d12", "#2a2f3a"), "light": ("#ffffff", "#e4e7ec")}
"""Below, above."""
_NM_PER_UM = 1000.0
_MARGIN = 1.08
_GAP = 0.75
"""Voxels from a section to what is drawn before it. Caps lie at the edge of a voxel or in the middle of a coarser one:
then neither in the section, where the two would flicker, nor where they are cut."""
_CREASE = 60.0
"""Degrees from which an edge is drawn as one: round a cap, not on a surface."""
_TILT = 18.0
"""Degrees by which the camera looks down."""


class Stage:
    """A scene with a camera that looks at its middle, parallel, so that a scale bar holds everywhere.

    Until the camera is turned, x goes to the right, y down, and z away, as in a section.
    """

    def __init__(self, scene: Scene, *, size: tuple[int, int], ground: Ground) -> None:
        try:
            import pyvista
        except ModuleNotFoundError as error:
            raise AsemError(f"a film needs {error.name}: pip install 'asem-mesh[movie]'") from None
        _quiet()
        self._size = size
        self._plotter: Any = pyvista.Plotter(off_screen=True, window_size=list(size), lighting="three lights")
        self._plotter.set_background(GROUNDS[ground][0], top=GROUNDS[ground][1])
        self._actors = [self._add(pyvista, each) for each in scene.surfaces if len(each.mesh.faces)]
        self._lower, self._upper = (np.array(edge)[::-1] / _NM_PER_UM for edge in (scene.lower_nm, scene.upper_nm))
        corners = np.stack([self._lower, self._upper], axis=1).ravel()
        line = "#8a93a3" if ground == "dark" else "#5b6370"
        self._plotter.add_mesh(pyvista.Box(corners).outline(), color=line, line_width=1, lighting=False)
        self._section: Any = None
        self._plotter.enable_anti_aliasing("ssaa")
        self._plotter.camera.parallel_projection = True

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._plotter.close()

    @property
    def um_per_pixel(self) -> float:
        """Of every place in the picture."""
        return float(2 * self._plotter.camera.parallel_scale / self._size[1])

    def turn(self, degrees: float) -> None:
        """Look from another side, about the axis y."""
        middle, size = (self._lower + self._upper) / 2, self._upper - self._lower
        turn, tilt = np.deg2rad([degrees, _TILT])
        away = np.array([np.sin(turn) * np.cos(tilt), -np.sin(tilt), -np.cos(turn) * np.cos(tilt)])
        camera = self._plotter.camera
        camera.position, camera.focal_point, camera.up = middle + 2 * np.linalg.norm(size) * away, middle, (0, -1, 0)
        round_y = float(np.hypot(size[0], size[2]))
        height = size[1] * np.cos(tilt) + round_y * np.sin(tilt)
        camera.parallel_scale = _MARGIN / 2 * max(height, round_y * self._size[1] / self._size[0])
        self._plotter.reset_camera_clipping_range()

    def cut(self, image: Image, depth: float) -> None:
        """Show the section of ``image`` at ``depth``, 0 to 1 along z, and of the surfaces what lies before it."""
        import pyvista

        volume = image.volume
        index = min(int(depth * volume.shape[0]), volume.shape[0] - 1)
        (z0, y0, x0), (z1, y1, x1) = (
            np.array(edge) / _NM_PER_UM for edge in volume.box.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
        )
        voxel = (z1 - z0) / volume.shape[0]
        z = z0 + (index + 0.5) * voxel
        plane = pyvista.Plane(
            center=((x0 + x1) / 2, (y0 + y1) / 2, z), direction=(0, 0, 1), i_size=x1 - x0, j_size=y1 - y0,
            i_resolution=1, j_resolution=1,
        )  # fmt: skip
        plane.active_texture_coordinates = np.array([[0, 1], [1, 1], [0, 0], [1, 0]], np.float32)
        texture = pyvista.numpy_to_texture(_grey(image.voxels, index))
        if self._section is not None:
            self._plotter.remove_actor(self._section, render=False)
        self._section = self._plotter.add_mesh(plane, texture=texture, lighting=False, reset_camera=False, render=False)
        for actor in self._actors:
            actor.mapper.RemoveAllClippingPlanes()
            actor.mapper.AddClippingPlane(_plane_at(z - _GAP * voxel))

    def picture(self) -> npt.NDArray[np.uint8]:
        """What the camera sees ``(y, x, 3)``."""
        self._plotter.render()
        return np.asarray(self._plotter.screenshot(return_img=True), np.uint8)[..., :3]

    def _add(self, pyvista: Any, surfaces: Any) -> Any:
        faces = surfaces.mesh.faces
        body = pyvista.PolyData(
            surfaces.mesh.vertices_nm[:, ::-1] / _NM_PER_UM, np.column_stack([np.full(len(faces), 3), faces]).ravel()
        )
        return self._plotter.add_mesh(
            body,
            color=surfaces.colour,
            smooth_shading=True,
            split_sharp_edges=True,
            feature_angle=_CREASE,
            specular=0.35,
            specular_power=18,
            ambient=0.18,
            diffuse=0.85,
        )


def _grey(voxels: npt.NDArray[Any], index: int) -> npt.NDArray[np.uint8]:
    low, high = np.percentile(voxels[:: max(1, len(voxels) // 8)], [0.5, 99.5])
    levels = (np.clip((voxels[index] - low) / ((high - low) or 1), 0, 1) * 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=-1)


def _quiet() -> None:
    """Where there is no screen VTK warns, and draws without one."""
    from vtkmodules.vtkCommonCore import vtkLogger

    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)


def _plane_at(z: float) -> Any:
    from vtkmodules.vtkCommonDataModel import vtkPlane

    plane = vtkPlane()
    plane.SetOrigin(0, 0, z)
    plane.SetNormal(0, 0, -1)
    return plane
