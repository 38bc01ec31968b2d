"""What runs an ONNX graph on a tile.

======================================  ==========================================================================
``session``                             what a runtime hands over
``onnx_runtime``, ``openvino_runtime``  core's; a plugin adds others through `asem_register_runtimes`
``tensorrt_runtime``                    core's third, where it is installed and asked for
``onnx_session``                        ONNX Runtime on the processor ...
``device``, ``bound``                   ... and on a GPU: settings, and tiles that pass through its buffers
``agreement``                           whether a device calculates what a processor does
``half``                                the same graph in float16
``graph``                               a graph for one input shape, and what a run costs: operations, live values
``counted``                             ... counted once
``subpixel``                            the same graph with fewer operations, for OpenVINO
======================================  ==========================================================================
"""

__all__: list[str] = []
