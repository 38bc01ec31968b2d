"""Core's own readers, steps and runtimes: registered through the same hooks as everybody's."""

from __future__ import annotations

from asem_core.hookspecs import hookimpl
from asem_core.specs import ExclusionZoneSpec, LabelRuleSpec, PreprocessorSpec, ReaderSpec, RuntimeSpec


@hookimpl
def asem_register_readers() -> list[ReaderSpec]:
    """TIFF, Zarr, OME-Zarr."""
    return [
        ReaderSpec(
            name="tiff",
            summary="a folder of TIFF sections, or one multi-page TIFF",
            accepts="asem_core.volume.tiff:accepts",
            open="asem_core.volume.tiff:open_tiff",
        ),
        ReaderSpec(
            name="zarr",
            summary="a Zarr v2 or v3 array, or the published layout (volumes/raw, volumes/labels/...)",
            accepts="asem_core.volume.zarr_plain:accepts",
            open="asem_core.volume.zarr_plain:open_zarr",
        ),
        ReaderSpec(
            name="ome-zarr",
            summary="OME-Zarr 0.4 and 0.5",
            accepts="asem_core.volume.ome:accepts",
            open="asem_core.volume.ome:open_ome",
        ),
    ]


@hookimpl
def asem_register_preprocessors() -> list[PreprocessorSpec]:
    """The fixed scale that bioimage.io calls ``scale_linear``."""
    return [
        PreprocessorSpec(
            name="scale_linear",
            version="1",
            summary="multiply by a gain and add an offset",
            fn="asem_core.preprocess.scale:scale_linear",
            params="asem_core.preprocess.scale:ScaleLinear",
        )
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
            fn="asem_core.labels.zone:shell",
            params="asem_core.labels.zone:Shell",
        )
    ]


@hookimpl
def asem_register_runtimes() -> list[RuntimeSpec]:
    """ONNX Runtime, which core depends on, and OpenVINO where it is installed."""
    return [
        RuntimeSpec(
            name="onnxruntime",
            summary="ONNX Runtime, on a CUDA GPU where there is one",
            available="asem_core.predict.onnx_runtime:available",
            open="asem_core.predict.onnx_runtime:open_session",
        ),
        RuntimeSpec(
            name="openvino",
            summary="OpenVINO, the fastest on a CPU (extra asem-core[openvino])",
            available="asem_core.predict.openvino_runtime:available",
            open="asem_core.predict.openvino_runtime:open_session",
        ),
    ]
