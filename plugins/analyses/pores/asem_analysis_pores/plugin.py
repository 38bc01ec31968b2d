"""Entry point: the analysis ``pores``."""

from __future__ import annotations

from asem_core.hookspecs import hookimpl
from asem_core.specs import AnalysisSpec


@hookimpl
def asem_register_analyses() -> list[AnalysisSpec]:
    """Diameters of nuclear pores."""
    return [
        AnalysisSpec(
            name="pores",
            version="2",
            summary="diameters of nuclear pores, and whether they are of one size",
            fn="asem_analysis_pores.measure:measure_pores",
            params="asem_analysis_pores.params:Pores",
            voxel_nm=(1.0, 20.0),
            report="asem_analysis_pores.report:report_pores",
            needs=("raw",),
            outputs={
                "status": "(pore) str: measured, or why not",
                "quality": "(pore) str: good, fair, or empty where not measured",
                "flags": "(pore) str: what is unusual",
                "diameter_nm": "(pore) float64, nm, median over the lines, membrane to membrane",
                "diameter_mean_nm, diameter_sd_nm": "(pore) float64, nm, over the lines",
                "diameter_minima_nm": "(pore) float64, nm, between the darkest points, not corrected for blur",
                "lines": "(pore) int64, how many lines have both ends",
                "z_nm, y_nm, x_nm": "(pore) float64, nm, in the frame of the acquisition",
                "normal_z, normal_y, normal_x": "(pore) float64, unit vector out of the nucleus",
                "normal_from": "(pore) str: surface, neighbours or mask, where the turning of the view began",
                "tilt_degrees": "(pore) float64, by how much the view was turned",
                "volume_nm3, axis1_nm, axis3_nm, parts": "(pore) float64 and int64, of the mask",
                "nucleus, nearest_nm, cluster": "(pore) int64, float64 and str: the surroundings",
                "plane_offset_nm, blur_nm": "(pore) float64, nm",
                "contrast": "(pore) float64, standard errors by which the ring is darker than what is beside it",
                "line_diameter_nm": "(pore, line) float64, nm",
                "membrane_nm": "(pore, direction) float64, nm from the centre",
                "profile": "(pore, radius) float64, grey, azimuthal mean",
                "enface": "(pore, v, u) float32, grey, the view along the normal",
            },
            examples=(
                "asem analyze pores pores.zarr cell.zarr -o pores",
                "asem analyze pores truth.zarr/labels/pore truth.zarr -o truth_pores --json",
                "asem analyze pores pores.zarr cell.zarr -o pores --threshold 0.6 --lines 36",
            ),
        )
    ]
