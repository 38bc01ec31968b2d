"""Prediction without torch: an ONNX graph, run tile by tile.

::

    segment.py    the whole job: plan -> preflight -> stages -> pyramid
    grids.py      the input's grid and the model's
    choose.py     runtime, precision and tile, from what is installed and what memory is allowed
    tiles.py      one tile: raw -> preprocess -> session -> probability -> uint8 and label
    onnx_runtime.py, openvino_runtime.py
"""
