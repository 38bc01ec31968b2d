"""Cells of several conditions, side by side: a cell counts once, however many objects it has.

==============  =====================================================================
``cells``       what is compared: analyses by cell and condition
``columns``     by which quantities: what the analysis states that it measures
``effects``     how far two conditions lie apart, and how sure that is
``results``     values of objects, of cells, and effects, as tables
``alike``       whether all were measured in one way
``figure``      a dot for each cell, over its objects
``words``       the methods, for a paper
``section``     the part of the page
==============  =====================================================================
"""

__all__: list[str] = []
