"""Core's own readers, steps and runtimes: registered through the same hooks as everybody's."""

from __future__ import annotations

from asem_core.hookspecs import hookimpl
from asem_core.specs import (
    AnalysisSpec,
    ExclusionZoneSpec,
    LabelRuleSpec,
    Output,
    PreprocessorSpec,
    ReaderSpec,
    RuntimeSpec,
)


@hookimpl
def asem_register_readers() -> list[ReaderSpec]:
    """TIFF, PNG sections, Zarr, OME-Zarr, N5, precomputed, HDF5, Imaris, MRC, NIfTI, NRRD, npy."""
    return [
        ReaderSpec(
            name="tiff",
            summary="a folder of TIFF sections, or one multi-page TIFF",
            accepts="asem_core.volume.formats.tiff:accepts",
            open="asem_core.volume.formats.tiff:open_tiff",
        ),
        ReaderSpec(
            name="png",
            summary="a folder of grey PNG sections",
            accepts="asem_core.volume.formats.png:accepts",
            open="asem_core.volume.formats.png:open_png",
        ),
        ReaderSpec(
            name="zarr",
            summary="a Zarr v2 or v3 array, or the published layout (volumes/raw, volumes/labels/...)",
            accepts="asem_core.volume.formats.zarr_plain:accepts",
            open="asem_core.volume.formats.zarr_plain:open_zarr",
        ),
        ReaderSpec(
            name="ome-zarr",
            summary="OME-Zarr 0.1 to 0.6",
            accepts="asem_core.volume.formats.ome:accepts",
            open="asem_core.volume.formats.ome:open_ome",
        ),
        ReaderSpec(
            name="n5",
            summary="an N5 data set, or a multiscale group of them (s0, s1, ...)",
            accepts="asem_core.volume.formats.n5:accepts",
            open="asem_core.volume.formats.n5:open_n5",
            requires=("tensorstore: asem-core[n5]",),
        ),
        ReaderSpec(
            name="hdf5",
            summary="FILE.h5/DATASET, or an HDF5 file with one 3D data set",
            accepts="asem_core.volume.formats.hdf5:accepts",
            open="asem_core.volume.formats.hdf5:open_hdf5",
            requires=("h5py: asem-core[hdf5]",),
        ),
        ReaderSpec(
            name="mrc",
            summary="an MRC file (.mrc, .rec, .map)",
            accepts="asem_core.volume.formats.mrc:accepts",
            open="asem_core.volume.formats.mrc:open_mrc",
            requires=("mrcfile: asem-core[mrc]",),
        ),
        ReaderSpec(
            name="precomputed",
            summary="neuroglancer's precomputed volume, or one of its scales",
            accepts="asem_core.volume.formats.precomputed:accepts",
            open="asem_core.volume.formats.precomputed:open_precomputed",
            requires=("tensorstore: asem-core[n5]",),
        ),
        ReaderSpec(
            name="imaris",
            summary="an Imaris file (.ims) with one channel",
            accepts="asem_core.volume.formats.imaris:accepts",
            open="asem_core.volume.formats.imaris:open_imaris",
            requires=("h5py: asem-core[hdf5]",),
        ),
        ReaderSpec(
            name="nifti",
            summary="a NIfTI file (.nii, .nii.gz)",
            accepts="asem_core.volume.formats.nifti:accepts",
            open="asem_core.volume.formats.nifti:open_nifti",
            requires=("nibabel: asem-core[nifti]",),
        ),
        ReaderSpec(
            name="nrrd",
            summary="an NRRD file (.nrrd, .nhdr)",
            accepts="asem_core.volume.formats.nrrd:accepts",
            open="asem_core.volume.formats.nrrd:open_nrrd",
            requires=("nrrd: asem-core[nrrd]",),
        ),
        ReaderSpec(
            name="npy",
            summary="an array of NumPy (.npy)",
            accepts="asem_core.volume.formats.npy:accepts",
            open="asem_core.volume.formats.npy:open_npy",
        ),
    ]


@hookimpl
def asem_register_preprocessors() -> list[PreprocessorSpec]:
    """The fixed scale that bioimage.io calls ``scale_linear``, and the paper's normalisations (Table S5)."""
    return [
        PreprocessorSpec(
            name="scale_linear",
            version="1",
            summary="multiply by a gain and add an offset",
            fn="asem_core.preprocessing.scale:scale_linear",
            params="asem_core.preprocessing.scale:ScaleLinear",
        ),
        PreprocessorSpec(
            name="percentile_rescale",
            version="1",
            summary="stretch two percentiles of the volume to 0 and 255",
            fn="asem_core.preprocessing.intensity:percentile_rescale",
            params="asem_core.preprocessing.intensity:PercentileRescale",
            dtype_out="uint8",
            statistics=("asem_core.preprocessing.intensity:histogram",),
        ),
        PreprocessorSpec(
            name="equalize_histogram",
            version="1",
            summary="make all grey levels of the volume equally frequent",
            fn="asem_core.preprocessing.intensity:equalize_histogram",
            params="asem_core.preprocessing.intensity:EqualizeHistogram",
            dtype_out="uint8",
            statistics=("asem_core.preprocessing.intensity:histogram",),
        ),
        PreprocessorSpec(
            name="clahe",
            version="1",
            summary="contrast-limited adaptive histogram equalisation in 3D",
            fn="asem_core.preprocessing.clahe:clahe",
            params="asem_core.preprocessing.clahe:Clahe",
            dtype_out="uint8",
            statistics=("asem_core.preprocessing.clahe:tile_mappings",),
        ),
    ]


@hookimpl
def asem_register_label_rules() -> list[LabelRuleSpec]:
    """Clean-up and dilation of drawn labels."""
    return [
        LabelRuleSpec(
            name="remove_small_objects",
            version="1",
            summary="remove connected objects below a volume",
            fn="asem_core.labels.rules:remove_small_objects",
            params="asem_core.labels.rules:RemoveSmallObjects",
            by_blocks="asem_core.labels.objects:remove_small_objects",
        ),
        LabelRuleSpec(
            name="fill_holes",
            version="1",
            summary="fill holes below a volume",
            fn="asem_core.labels.rules:fill_holes",
            params="asem_core.labels.rules:FillHoles",
            by_blocks="asem_core.labels.objects:fill_holes",
        ),
        LabelRuleSpec(
            name="dilate_labels",
            version="1",
            summary="grow every instance by a width",
            fn="asem_core.labels.dilate:dilate_labels",
            params="asem_core.labels.dilate:DilateLabels",
            halo="asem_core.labels.dilate:dilation_halo",
        ),
    ]


@hookimpl
def asem_register_exclusion_zones() -> list[ExclusionZoneSpec]:
    """The shell around the ground-truth boundary."""
    return [
        ExclusionZoneSpec(
            name="shell",
            version="1",
            summary="dilation minus erosion of the ground truth (Gallusser et al. 2022)",
            fn="asem_core.labels.shell:shell",
            params="asem_core.labels.shell:Shell",
            halo="asem_core.labels.shell:shell_halo",
        )
    ]


_OBJECTS = (
    Output(names=("voxels",), dtype="int64", text="size", measures=False),
    Output(
        names=("volume_nm3", "surface_nm2"), dtype="float64", text="size; faces where the volume ends are no surface"
    ),
    Output(names=("sphericity",), dtype="float64", text="1 for a ball, NaN where the object is cut off"),
    Output(names=("touches_border",), dtype="bool", text="whether it reaches a face of the volume"),
    Output(
        names=("z_nm", "y_nm", "x_nm"), dtype="float64", text="centroid in the frame of the acquisition", measures=False
    ),
    Output(names=("axis1_nm", "axis2_nm", "axis3_nm"), dtype="float64", text="full axes, longest first"),
    Output(
        names=("axis1_z", "axis1_y", "axis1_x"),
        dtype="float64",
        text="unit vector along the longest axis",
        measures=False,
    ),
    Output(
        names=("axis3_z", "axis3_y", "axis3_x"),
        dtype="float64",
        text="unit vector along the shortest axis",
        measures=False,
    ),
    Output(
        names=("skeleton_measured",),
        dtype="bool",
        text="whether its skeleton was measured",
        optional=True,
        measures=False,
    ),
    Output(
        names=("skeleton_length_nm",), dtype="float64", text="of all branches, NaN where not measured", optional=True
    ),
    Output(
        names=("skeleton_branches", "skeleton_junctions", "skeleton_ends", "skeleton_loops"),
        dtype="float64",
        text="counts, NaN where not measured",
        optional=True,
    ),
    Output(
        names=("nearest", "nearest_OTHER"),
        dtype="int64",
        text="the nearest object, 0 where there is none",
        measures=False,
    ),
    Output(
        names=("nearest_nm", "nearest_OTHER_nm"),
        dtype="float64",
        text="distance of the nearest object, NaN where there is none",
    ),
    Output(names=("contact_OTHER_nm2",), dtype="float64", text="surface that is near the other organelle"),
)


@hookimpl
def asem_register_analyses() -> list[AnalysisSpec]:
    """What can be measured on any organelle."""
    return [
        AnalysisSpec(
            name="objects",
            version="2",
            summary="size, shape, skeleton, nearest neighbour and contacts of every object of any organelle",
            fn="asem_core.analysis.objects.analysis:measure_objects",
            params="asem_core.analysis.objects.params:Objects",
            report="asem_core.reporting.objects:report_objects",
            takes=("others",),
            row="object",
            outputs=_OBJECTS,
            examples=(
                "asem analyze objects mito.zarr -o mito_objects",
                "asem analyze objects mito.zarr --other er=er.zarr --contact-nm 20 -o mito_er",
                "asem analyze objects cell.zarr/labels/mito -o mito_truth --min-volume-nm3 0 --json",
                "asem analyze objects masks/ --kind labels --voxel-size 5,5,5 -o mask_objects",
            ),
        )
    ]


@hookimpl
def asem_register_runtimes() -> list[RuntimeSpec]:
    """ONNX Runtime, which core depends on; OpenVINO and TensorRT where they are installed."""
    return [
        RuntimeSpec(
            name="onnxruntime",
            summary="ONNX Runtime, on a CUDA GPU where there is one",
            probe="asem_core.models.runtimes.onnx_runtime:probe",
            open="asem_core.models.runtimes.onnx_runtime:open_session",
        ),
        RuntimeSpec(
            name="openvino",
            summary="OpenVINO, the fastest on a CPU",
            probe="asem_core.models.runtimes.openvino_runtime:probe",
            open="asem_core.models.runtimes.openvino_runtime:open_session",
        ),
        RuntimeSpec(
            name="tensorrt",
            summary="TensorRT on a CUDA GPU, for who asks for it",
            probe="asem_core.models.runtimes.tensorrt_runtime:probe",
            open="asem_core.models.runtimes.tensorrt_runtime:open_session",
        ),
    ]
