"""Models: a network and all that belongs to it, so that the engine knows one kind only.

===============  ============================================================================
``model``        the protocol: identity, voxel size, tiles, statistics, a predictor per tile
``own``          a package that ASEM wrote: rdf.yaml, model.json and the stages it names
``described``    a package from elsewhere, run as its bioimage.io description says ...
``description``  ... and that description, or why the model cannot run
``find``         id, folder, zip or nothing -> model
``tiling``       sizes that a graph takes, context that it needs
``runtimes``     what runs the graph
===============  ============================================================================
"""
