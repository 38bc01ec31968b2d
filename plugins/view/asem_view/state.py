"""Layers as the state of neuroglancer's client (JSON)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from asem_core.errors import VolumeError
from asem_core.geometry import FloatTriple
from asem_view.layers import Layer

_NM = [1e-9, "m"]
_AXES = ("x", "y", "z")
"""As the client shows them: the first panel is x to the right, y down."""
_IMAGE = "#uicontrol invlerp grey\nvoid main() {\n  emitGrayscale(grey());\n}\n"
_PROBABILITY = """#uicontrol invlerp probability
#uicontrol float threshold slider(min=0, max=1, default=0.5)
#uicontrol vec3 colour color(default="{colour}")
void main() {{
  float p = probability();
  emitRGBA(vec4(colour, p < threshold ? 0.0 : 0.6 * p));
}}
"""
_POINTS = '#uicontrol vec3 colour color(default="{colour}")\nvoid main() {{\n  setColor(colour);\n}}\n'


def state_of(layers: Sequence[Layer], place: Callable[[str], str]) -> dict[str, Any]:
    """What neuroglancer shows: all ``layers`` in nm, seen from the middle of the first volume.

    Parameters
    ----------
    place
        The URL at which the client finds the OME-Zarr image, or the folder of meshes, of an address.

    Raises
    ------
    VolumeError
        There is nothing to see.
    """
    if not layers:
        raise VolumeError("there is nothing to see: give a volume, a segmentation or the folder of an analysis")
    middle, scale = _middle(layers)
    return {
        "dimensions": dict.fromkeys(_AXES, _NM),
        "position": middle[::-1],
        "crossSectionScale": scale,
        "projectionScale": 600 * scale,
        "layers": [_layer(layer, place) for layer in layers],
        **_panel(layers),
        "layout": "4panel-alt",
        "showDefaultAnnotations": False,
    }


def _middle(layers: Sequence[Layer]) -> tuple[list[float], float]:
    """Centre of the first volume, or of the points, in nm, and nm per pixel so that all of it is seen."""
    edges = next((found for layer in layers if (found := _edges(layer)) is not None), None)
    if edges is None:
        places = np.array([point.place_nm for layer in layers for point in layer.points] or [(0.0, 0.0, 0.0)])
        return [float(v) for v in places.mean(0)], float(np.ptp(places, axis=0).max() or 1000) / 400
    lower, upper = edges
    return [(a + b) / 2 for a, b in zip(lower, upper, strict=True)], max(np.subtract(upper, lower)) / 400


def _edges(layer: Layer) -> tuple[FloatTriple, FloatTriple] | None:
    volume = layer.volume
    return layer.box_nm if volume is None else volume.box.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)


def _panel(layers: Sequence[Layer]) -> dict[str, Any]:
    """The panel of the first probability, with its threshold; none where there is none."""
    first = next((layer for layer in layers if layer.kind == "probabilities"), None)
    return {} if first is None else {"selectedLayer": {"visible": True, "layer": first.name}}


def _layer(layer: Layer, place: Callable[[str], str]) -> dict[str, Any]:
    if layer.kind == "points":
        return _annotations(layer)
    if layer.kind == "meshes":
        return {
            "type": "segmentation", "name": layer.name, "source": f"precomputed://{place(layer.address)}",
            "segments": list(layer.meshes), "segmentDefaultColor": layer.colour,
        }  # fmt: skip
    shown: dict[str, Any] = {"name": layer.name, "visible": layer.shown, "source": f"zarr://{place(layer.address)}"}
    if layer.kind == "image":
        controls = {"grey": {"range": list(layer.grey)}}
        return {**shown, "type": "image", "shader": _IMAGE, "shaderControls": controls}
    if layer.kind == "probabilities":
        controls = {"probability": {"range": list(layer.grey)}}
        shader = _PROBABILITY.format(colour=layer.colour)
        return {**shown, "type": "image", "shader": shader, "shaderControls": controls, "tab": "rendering"}
    one = {"segmentDefaultColor": layer.colour} if layer.kind == "labels" else {}
    return {**shown, "type": "segmentation", "selectedAlpha": 0.4, "notSelectedAlpha": 0.4, **one}


def _annotations(layer: Layer) -> dict[str, Any]:
    points = [
        {"type": "point", "id": p.id, "point": list(p.place_nm[::-1]), "description": p.text} for p in layer.points
    ]
    return {
        "type": "annotation",
        "name": layer.name,
        "source": {"url": "local://annotations", "transform": {"outputDimensions": dict.fromkeys(_AXES, _NM)}},
        "annotations": points,
        "shader": _POINTS.format(colour=layer.colour),
    }
