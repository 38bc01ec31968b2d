"""Model packages: bioimage.io folders that plugins bring or that were pulled or imported; found, checked, written.

=============  ===========================================================================
``find``       the models of this machine, and the one that is meant
``rdf``        ``rdf.yaml`` read; ``manifest``: ``model.json`` read and written
``store``      where pulled and imported packages live
``validate``   whether a package is sound: looked at, and run by bioimage.io's test
``download``   a file from a server, resumable
``files``      names and digests of the files of a package
``guard``      what protects against hostile and damaged packages
``write``      making packages
``site``       a zoo as a static web site, and pulling from one
=============  ===========================================================================
"""
