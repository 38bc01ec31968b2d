"""A zoo: models by id and version, as a folder that any web server can host, or that lies in a bucket.

==============  ========================================================
``build``       all models of this machine as a site with a gallery
``push``        one more version of a model into a zoo that grows
``serve``       a zoo over http, for a lab
``pull``        a model from a zoo into the store of this machine
``collection``  what a zoo offers; ``offer``: one model of it
``gallery``     the pages of a site, from the templates in ``pages/``
==============  ========================================================
"""

__all__: list[str] = []
