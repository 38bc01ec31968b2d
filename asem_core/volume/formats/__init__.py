"""File formats: all that knows how a file is laid out. Readers answer `accepts(uri)` and open a `Source`.

===============  ==============================================================================
``tiff``         reader: a folder of sections, or a stack; ``sections``: which files, which order
``tiff_stated``  what TIFF says of its voxels: ASEM's words, OME-XML, ImageJ
``ome_xml``      the images that OME-XML describes, and the files they lie in
``png``          reader of a folder of PNG sections
``ome``          reader of OME-Zarr 0.1 to 0.6
``zarr_plain``   reader of Zarr arrays, and of the layout of the published data; ``webknossos``: what its datasets say
``n5``           reader, by tensorstore; ``tensors``: what it and ``precomputed``, another reader, share
``hdf5``         reader, by h5py
``mrc``          reader, by mrcfile
``imaris``       reader, by h5py
``nifti``        reader, by nibabel; ``nrrd``: by pynrrd; ``npy``: by NumPy
``zarr_node``    Zarr hierarchies told apart by their metadata, without zarr
``zarr_array``   a stored Zarr array as a `LazyArray`; paths and digests of chunks
``ome_write``    writer of OME-Zarr: arrays, metadata, pyramids
``tiff_write``   writer of sections and stacks that are filled in any order
===============  ==============================================================================
"""

__all__: list[str] = []
