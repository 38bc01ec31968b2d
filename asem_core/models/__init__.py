"""Models: what a network needs around it, so that the engine knows one kind only.

::

    model.py         the protocol: identity, voxel size, tiles, statistics, a predictor per tile
    own.py           a package that ASEM wrote: rdf.yaml, model.json and the stages it names
    described.py     a package from elsewhere, run as its bioimage.io description says ...
    description.py   ... and that description, or why the model cannot run
    find.py          id, folder, zip or nothing -> model
    tiling.py        sizes that a graph takes, context that it needs
    runtimes/        what runs the graph
"""
