"""A page that tells what an analysis measured, from its output folder.

==============  =================================================================
``write``       output folders in, one page out
``folder``      an output folder, read back; ``needs``: what a report may lack
``parts``       what a report is made of: numbers, figures, galleries, methods
``figures``     figures as HTML
``page``        the file, which needs no other
``objects``     the report of `asem analyze objects`; ``plain``: of any analysis
``methods``     the parameters in words; ``provenance``: where numbers come from
==============  =================================================================
"""
