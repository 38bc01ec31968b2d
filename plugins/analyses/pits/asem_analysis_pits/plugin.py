"""Entry point: the analysis ``pits``."""

from __future__ import annotations

from asem_core.hookspecs import hookimpl
from asem_core.specs import AnalysisSpec, Output

_OUTPUTS = (
    Output(
        names=("class", "measured_class"),
        dtype="str",
        text="endocytic pit, caveola, endocytic vesicle or secretory; empty where too long",
    ),
    Output(names=("verdict",), dtype="str", text="accept, reject or empty: what a person said"),
    Output(names=("by_hand",), dtype="str", text="which columns are a person's"),
    Output(names=("stage",), dtype="str", text="early or late, by the neck"),
    Output(names=("cluster",), dtype="str", text="early or late, by k-means on neck and height"),
    Output(names=("enhancement",), dtype="float64", text="darkness of the wall in units of the plain membrane"),
    Output(
        names=("z_nm", "y_nm", "x_nm"), dtype="float64", text="centroid in the frame of the acquisition", measures=False
    ),
    Output(names=("volume_nm3",), dtype="float64", text="of the object"),
    Output(names=("distance_nm",), dtype="float64", text="from its nearest voxel to the plasma membrane"),
    Output(names=("neck_nm", "neck_depth_nm"), dtype="float64", text="least width of the lumen, and its depth"),
    Output(names=("measured_neck_nm",), dtype="float64", text="the neck before a person changed it", measures=False),
    Output(names=("neck_open",), dtype="str", text="yes where the neck is as wide as a voxel, else no"),
    Output(names=("height_nm",), dtype="float64", text="from the membrane's plane to the deepest place of the lumen"),
    Output(
        names=("measured_height_nm",), dtype="float64", text="the height before a person changed it", measures=False
    ),
    Output(names=("width_nm",), dtype="float64", text="of the lumen at half the height"),
    Output(names=("lumen_from",), dtype="str", text="mask or image"),
    Output(names=("major_nm", "minor_nm"), dtype="float64", text="axes of the ellipse through the middle of the wall"),
    Output(names=("aspect_ratio",), dtype="float64", text="of the ellipse"),
    Output(names=("arc_deg",), dtype="float64", text="how much of the ellipse is seen", measures=False),
    Output(names=("ellipse_points",), dtype="int64", text="that it was fitted to", measures=False),
    Output(names=("ellipse_residual_nm",), dtype="float64", text="of the fit", measures=False),
    Output(names=("view_axis",), dtype="str", text="axis along which the ellipse is seen", measures=False),
    Output(names=("view_nm",), dtype="float64", text="where on that axis its plane lies", measures=False),
    Output(
        names=("membrane_z_nm", "membrane_y_nm", "membrane_x_nm"),
        dtype="float64",
        text="where the axis of a pit meets the membrane",
        measures=False,
    ),
    Output(names=("normal_z", "normal_y", "normal_x"), dtype="float64", text="the way out of the cell", measures=False),
    Output(
        names=("membrane_residual_nm",), dtype="float64", text="of the sheet fitted to the membrane", measures=False
    ),
    Output(names=("flags",), dtype="str", text="what is unusual"),
    Output(
        names=("width_profile_nm",), dtype="float64", text="width of the lumen at each depth", dims=("pit", "depth_nm")
    ),
    Output(
        names=("outline_nm",),
        dtype="float64",
        text="the ellipse in the frame of the acquisition",
        dims=("pit", "point", "axis"),
    ),
    Output(
        names=("section",),
        dtype="float32",
        text="grey in the plane of the ellipse about the centroid",
        dims=("pit", "row_nm", "column_nm"),
    ),
    Output(
        names=("axis_section",),
        dtype="float32",
        text="grey in a plane through a pit's axis",
        dims=("pit", "below_nm", "across_nm"),
    ),
    Output(
        names=("mouth_nm",), dtype="float64", text="where a pit's axis meets the membrane's plane", dims=("pit", "axis")
    ),
    Output(names=("across",), dtype="float64", text="the way of across_nm, a unit vector", dims=("pit", "axis")),
)


@hookimpl
def asem_register_analyses() -> list[AnalysisSpec]:
    """Coated pits, coated vesicles and caveolae."""
    return [
        AnalysisSpec(
            name="pits",
            version="3",
            summary="class, neck, height and axes of coated pits, coated vesicles and caveolae",
            fn="asem_analysis_pits.analysis:measure_pits",
            params="asem_analysis_pits.params:Pits",
            report="asem_analysis_pits.report:report_pits",
            voxel_nm=(1.0, 20.0),
            needs=("raw", "cell_mask"),
            row="pit",
            outputs=_OUTPUTS,
            kinds="class",
            counted="asem_analysis_pits.report:counted",
            examples=(
                "asem analyze pits ccp.zarr cell.zarr --cell-mask mask.zarr -o pits",
                "asem analyze pits ccp.zarr cell.zarr --cell-mask mask.zarr --review pits/review.csv -o reviewed",
            ),
        )
    ]
