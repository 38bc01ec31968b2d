"""Entry point: the analysis ``contacts``."""

from __future__ import annotations

from asem_core.hookspecs import hookimpl
from asem_core.specs import AnalysisSpec, Output

_OUTPUTS = (
    Output(names=("object",), dtype="int64", text="object of the first organelle", measures=False),
    Output(names=("other",), dtype="str", text="name of the other organelle"),
    Output(names=("other_object",), dtype="int64", text="object of the other organelle", measures=False),
    Output(names=("area_nm2",), dtype="float64", text="surface of the first object that the other one is near to"),
    Output(names=("distance_nm",), dtype="float64", text="least distance between the two surfaces"),
    Output(names=("sites",), dtype="int64", text="separate patches"),
    Output(names=("largest_site_nm2",), dtype="float64", text="area of the largest patch"),
    Output(
        names=("z_nm", "y_nm", "x_nm"),
        dtype="float64",
        text="middle of the contact in the frame of the acquisition",
        measures=False,
    ),
)


@hookimpl
def asem_register_analyses() -> list[AnalysisSpec]:
    """Where objects of two organelles come near each other."""
    return [
        AnalysisSpec(
            name="contacts",
            version="2",
            summary="contact sites between two organelles: area, distance, number",
            fn="asem_analysis_contacts.measure:measure_contacts",
            params="asem_analysis_contacts.measure:Contacts",
            report="asem_analysis_contacts.report:report_contacts",
            needs=("others",),
            voxel_nm=(1.0, 50.0),
            row="contact",
            outputs=_OUTPUTS,
            kinds="other",
            examples=(
                "asem analyze contacts mito.zarr --other er=er.zarr -o contacts",
                "asem analyze contacts mito.zarr --other er=er.zarr --distance-nm 20 -o near",
            ),
        )
    ]
