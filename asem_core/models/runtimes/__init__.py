"""What runs an ONNX graph on a tile.

::

    session.py                               what a runtime hands over
    onnx_runtime.py, openvino_runtime.py     core's two; a plugin adds others through asem_register_runtimes
    graph.py                                 what a graph costs: operations, live values
    subpixel.py                              the same graph with fewer operations, for OpenVINO
"""
