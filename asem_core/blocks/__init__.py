"""The block engine: which blocks there are, running them, and proof that none is missing.

::

    run.py        read, compute and write overlap in time; a failed block never hides
    journal.py    what was done, beside the output, block by block, with a digest of every chunk
    verify.py     status and verification from the journal and the chunks on disk
    preflight.py  memory, disk and time, before anything starts
"""
