"""Films of meshes, and of a section that goes through them.

==============  ==========================================================
``scene``       what is shown: surfaces by organelle, an image
``stage``       where it is drawn: light, surfaces, section, camera
``sheet``       scale bar and legend on a picture
``reel``        pictures as MP4 or GIF
``shoot``       `make_movie`: all of it
==============  ==========================================================
"""
