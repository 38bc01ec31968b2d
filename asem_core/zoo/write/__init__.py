"""Making a model package.

===============  =======================================================================
``package``      the folder, from weights, samples, card and the record of the training
``rdf``          ``rdf.yaml``, the description in bioimage.io's terms
``card``         ``README.md``, and the values behind it
``origin``       where the weights come from: a training of ours, or a published checkpoint
``checkpoint``   what is known of a published checkpoint
``samples``      test tensors, cover and parity cube, cut from one volume
``parity``       how far the runtimes are apart on the same weights
``adapted``      one whose weights were adapted to a volume
``quantised``    one with its network in 8-bit integers too
``state_dict``   PyTorch weights, from the graph
``export``       the package as a zip
===============  =======================================================================
"""

__all__: list[str] = []
