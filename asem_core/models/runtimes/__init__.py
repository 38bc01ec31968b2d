"""What runs an ONNX graph on a tile.

======================================  ==========================================================================
``session``                             what a runtime hands over
``onnx_runtime``, ``openvino_runtime``  core's two; a plugin adds others through `asem_register_runtimes`
``graph``                               a graph for one input shape, and what a run costs: operations, live values
``subpixel``                            the same graph with fewer operations, for OpenVINO
======================================  ==========================================================================
"""

__all__: list[str] = []
