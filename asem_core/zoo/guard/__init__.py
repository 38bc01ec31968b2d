"""What happens to a package from elsewhere before anything of it is used: unpacked with care, then checked.

================  =================================================================================
``unpack``        a zip into a folder, and nothing beside that folder
``description``   every file that ``rdf.yaml`` names lies inside and is the stated one, its content harmless
``names``         names of files: whether they lie inside the package
``onnx_file``     sizes that a graph claims, files that it points to
``pickle_file``   a pickle that holds tensors only, found out without running it
================  =================================================================================
"""

__all__: list[str] = []
