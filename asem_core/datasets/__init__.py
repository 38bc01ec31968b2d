"""Registered data sets.

===========  ==============================================
``source``   where the volumes of one are, opened
``fetch``    a part of one into a folder, resumable
===========  ==============================================
"""

__all__: list[str] = []
