"""Model packages: bioimage.io folders that plugins bring or that were pulled or imported; found, checked, written.

=============  ===========================================================================
``find``       the models of this machine, and the one that is meant
``rdf``        ``rdf.yaml`` read; ``manifest``: ``model.json`` read and written
``store``      where pulled and imported packages live
``organelle``  the organelle that a package finds, and carries
``whole``      packages that leave out the PyTorch weights, with them
``validate``   whether a package is sound: looked at, and run by bioimage.io's test
``download``   a file from a server, resumable
``files``      names and digests of the files of a package
``guard``      what protects against hostile and damaged packages
``write``      making packages
``site``       a zoo as a folder, a bucket, a web site; pushing to one and pulling from it
=============  ===========================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.zoo.find import choose_model
    from asem_core.zoo.site.build import build_site
    from asem_core.zoo.site.pull import pull
    from asem_core.zoo.site.push import Pushed, push
    from asem_core.zoo.validate import problems
    from asem_core.zoo.write.export import export_zip

__all__ = ["Pushed", "build_site", "choose_model", "export_zip", "problems", "pull", "push"]
__getattr__, __dir__ = lazy_names(__name__)
