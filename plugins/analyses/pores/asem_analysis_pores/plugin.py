"""Entry point: the analysis ``pores``."""

from __future__ import annotations

from asem_core.hookspecs import hookimpl
from asem_core.specs import AnalysisSpec, Output

_OUTPUTS = (
    Output(names=("status",), dtype="str", text="measured, or why not"),
    Output(names=("quality",), dtype="str", text="good, fair, or empty where not measured"),
    Output(names=("flags",), dtype="str", text="what is unusual"),
    Output(names=("diameter_nm",), dtype="float64", text="median over the lines, membrane to membrane"),
    Output(names=("diameter_mean_nm", "diameter_sd_nm"), dtype="float64", text="over the lines"),
    Output(names=("diameter_minima_nm",), dtype="float64", text="between the darkest points, not corrected for blur"),
    Output(names=("lines",), dtype="int64", text="how many lines have both ends", measures=False),
    Output(
        names=("contrast",), dtype="float64", text="standard errors by which the ring is darker than what is beside it"
    ),
    Output(
        names=("z_nm", "y_nm", "x_nm"), dtype="float64", text="centre in the frame of the acquisition", measures=False
    ),
    Output(
        names=("normal_z", "normal_y", "normal_x"),
        dtype="float64",
        text="unit vector out of the nucleus",
        measures=False,
    ),
    Output(
        names=("normal_from",), dtype="str", text="surface, neighbours or mask: where the turning of the view began"
    ),
    Output(names=("tilt_degrees",), dtype="float64", text="by how much the view was turned", measures=False),
    Output(names=("nucleus",), dtype="int64", text="number of the nucleus, 0 where it is not known", measures=False),
    Output(names=("nearest_nm",), dtype="float64", text="distance of the nearest pore"),
    Output(names=("cluster",), dtype="str", text="how the diameters of neighbours are alike, empty where they are not"),
    Output(names=("volume_nm3", "axis1_nm", "axis3_nm"), dtype="float64", text="of the mask"),
    Output(names=("parts",), dtype="int64", text="pieces that the mask was merged from", measures=False),
    Output(
        names=("plane_offset_nm",),
        dtype="float64",
        text="of the plane of the ring from the centre of the mask",
        measures=False,
    ),
    Output(names=("blur_nm",), dtype="float64", text="of the image at the membrane"),
    Output(names=("line_diameter_nm",), dtype="float64", text="of every line", dims=("pore", "line")),
    Output(
        names=("membrane_nm",), dtype="float64", text="from the centre, in every direction", dims=("pore", "direction")
    ),
    Output(names=("angle_degrees",), dtype="float64", text="of a direction", dims=("direction",)),
    Output(names=("profile",), dtype="float64", text="grey, azimuthal mean", dims=("pore", "radius_nm")),
    Output(names=("enface",), dtype="float32", text="grey, the view along the normal", dims=("pore", "v_nm", "u_nm")),
    Output(
        names=("centre_v_nm", "centre_u_nm"), dtype="float64", text="centre of the ring in that view", measures=False
    ),
)


@hookimpl
def asem_register_analyses() -> list[AnalysisSpec]:
    """Diameters of nuclear pores."""
    return [
        AnalysisSpec(
            name="pores",
            version="4",
            summary="diameters of nuclear pores, and whether they are of one size",
            fn="asem_analysis_pores.measure:measure_pores",
            params="asem_analysis_pores.params:Pores",
            voxel_nm=(1.0, 20.0),
            report="asem_analysis_pores.report:report_pores",
            needs=("raw",),
            row="pore",
            outputs=_OUTPUTS,
            examples=(
                "asem analyze pores pores.zarr cell.zarr -o pores",
                "asem analyze pores truth.zarr/labels/pore truth.zarr -o truth_pores --json",
                "asem analyze pores pores.zarr cell.zarr -o pores --threshold 0.6 --lines 36",
            ),
        )
    ]
