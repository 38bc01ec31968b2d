"""Entry point: the analysis ``pits``."""

from __future__ import annotations

from asem_core.hookspecs import hookimpl
from asem_core.specs import AnalysisSpec


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
            outputs={
                "class": "(pit) endocytic pit, caveola, endocytic vesicle or secretory",
                "verdict": "(pit) accept, reject or empty: what a person said",
                "stage": "(pit) early or late by the neck",
                "cluster": "(pit) early or late by k-means on neck and height",
                "enhancement": "(pit) darkness of the wall in units of the plain membrane, float64",
                "z_nm, y_nm, x_nm": "(pit) centroid in the microscope's frame, nm, float64",
                "distance_nm": "(pit) to the plasma membrane, nm, float64",
                "neck_nm, height_nm, width_nm": "(pit) of the lumen, nm, float64",
                "major_nm, minor_nm": "(pit) axes of the ellipse through the middle of the wall, nm, float64",
                "width_profile_nm": "(pit, depth_nm) width of the lumen at each depth, nm, float64",
                "outline_nm": "(pit, point, axis) the ellipse in the microscope's frame, nm, float64",
                "section": "(pit, row_nm, column_nm) grey in the plane of the ellipse about the centroid, float32",
                "axis_section": "(pit, below_nm, across_nm) grey in a plane through a pit's axis, float32",
                "mouth_nm": "(pit, axis) where a pit's axis meets the membrane's plane, nm, float64",
                "across": "(pit, axis) the way of across_nm, a unit vector, float64",
            },
            examples=(
                "asem analyze pits ccp.zarr cell.zarr --cell-mask mask.zarr -o pits",
                "asem analyze pits ccp.zarr cell.zarr --cell-mask mask.zarr --review pits/review.csv -o reviewed",
            ),
        )
    ]
