"""The largest objects of an analysis, on its page.

==============  ==========================================================
``figure``      `draw_largest`: the figure, from the folder of an analysis
``light``       their meshes, of few triangles
``still``       a picture of them, without a window
==============  ==========================================================
"""
