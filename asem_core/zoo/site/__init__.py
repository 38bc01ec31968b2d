"""A zoo as a static web site.

============  ========================================================
``build``     the site: packages, zips, ``collection.json``
``gallery``   its pages, from the templates in ``pages/``
``pull``      a model from a site into the store of this machine
============  ========================================================
"""

__all__: list[str] = []
