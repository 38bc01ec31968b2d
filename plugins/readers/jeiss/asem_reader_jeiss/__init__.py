"""Raw sections of Janelia's enhanced FIB-SEM for ASEM.

===========  ==================================================
`plugin`     the entry point: a reader
`reader`     a folder of sections as a volume
`sections`   which files are sections, and in which order
`header`     what the header of a section says
===========  ==================================================
"""
