"""The napari plugin: readers and widgets (``napari.yaml``). The only part of ASEM that knows napari and Qt.

===============  ===============================================================================================
``opening``      `asem annotate open`: napari with everything set
``reader``       what napari asks to open files; ``layers``: volumes as layers, ``colours``: theirs
``annotate``     the widget *Annotate*; ``correct``: *Correct*; ``desk``: what both are made of
``form``         the upper half of a desk, ``tools``: the lower
``view``         what is seen; ``canvas``: a `asem_annotate.session.Session` as layers: strokes, undo, keys
``proofread``    the widget *Proofread*; ``objects``: a review of objects as layers
``command``      a command of ASEM in a process of its own: ``segment``, ``finetune``, ``evaluate``, ``measure``
``suggest``      fields that take what they ask for from open layers
``task``         work beside the window, with progress and cancel; ``running``: its row of a widget
===============  ===============================================================================================
"""
