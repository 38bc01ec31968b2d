"""Run a registered analysis: inputs in, a folder of tables out, complete or absent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from asem_core.analysis.outputs import as_stated
from asem_core.analysis.tables import write_tables
from asem_core.analysis.view import BLOCK, View, open_view
from asem_core.cluster import executing
from asem_core.errors import AsemError, GeometryError, PluginError
from asem_core.geometry import Triple, VoxelSize
from asem_core.home import local_path
from asem_core.params import make_params
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry, resolve
from asem_core.specs import AnalysisSpec
from asem_core.volume.contents import is_as_written, record_contents
from asem_core.volume.kind import Kind
from asem_core.volume.output import Input, Replaceable, check_destination, complete_or_absent, scratch_beside
from asem_core.volume.provenance import maker, provenance
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Client

    from asem_core.cluster import Dask

SUMMARY = "analysis.json"
"""What was run on what and what came out, in the output folder: provenance, number of rows, statistics."""
_MADE_BY = "asem analyze"
_ANALYSIS = Replaceable(name="an analysis", recognise=lambda path: is_as_written(path, made_by=_MADE_BY))


def analyze(
    objects: Volume | str | Path,
    output: str | Path,
    *,
    analysis: str,
    raw: Volume | str | Path | None = None,
    cell_mask: Volume | str | Path | None = None,
    others: Mapping[str, Volume | str | Path] | None = None,
    kind: Kind | None = None,
    other_kinds: Mapping[str, Kind] | None = None,
    threshold: float = 0.5,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    params: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    overwrite: bool = False,
    allow_unfinished: bool = False,
    executor: Dask | Client | None = None,
    block: Triple = BLOCK,
    progress: Progress = silent,
) -> xr.Dataset:
    """Measure ``objects`` with an installed analysis and write its tables.

    Parameters
    ----------
    objects, raw, cell_mask, others, kind, other_kinds, threshold, voxel_size, allow_unfinished
        See `open_view`.
    output
        Folder to create: ``NAME.zarr``, ``NAME.csv``, ``NAME.parquet`` (with pyarrow), ``analysis.json`` and what the
        analysis adds.
    analysis
        Name of the analysis, such as ``"objects"``.
    params
        Values for the analysis' parameter class; what is not named keeps its default.
    registry
        By default everything installed.
    overwrite
        Whether an analysis that is already there is replaced, unless something was added to it or edited in it.
    executor
        Where blocks run: a `distributed.Client`, or what `asem_core.cluster.connect` gives; by default on this machine.
        Does not change the result.
    block
        Voxels per axis in which volumes are read. The result does not depend on it.

    Returns
    -------
    xarray.Dataset
        One row per object; provenance in ``attrs["asem"]``, what the analysis says of all objects together in
        ``attrs["statistics"]``. No objects: no rows.

    Raises
    ------
    PluginError
        No such analysis, or wrong parameters; an analysis that returns something else than its ``outputs``, or whose
        statistics are not plain values.
    AsemError
        An input that the analysis needs is missing, or one that it does not take is given. Also see `open_view`.
    GeometryError
        The voxel size is none that the analysis can measure at. Also see `open_view`.
    OutputError
        See `complete_or_absent`.

    Examples
    --------
    >>> found = analyze("pores.zarr", "pores/", analysis="pores", raw="cell.zarr")  # doctest: +SKIP
    >>> found.diameter_nm.median()  # doctest: +SKIP
    """
    output = local_path(output)
    registry = registry or make_registry()
    spec = registry.analyses[analysis]
    chosen = make_params(spec, params or {})
    _check_inputs(spec, {"raw": raw, "cell_mask": cell_mask, "others": others or None})
    inputs = _read_from(objects, raw, cell_mask, *(others or {}).values(), params=chosen)
    output = check_destination(output, overwrite=overwrite, kind=_ANALYSIS, inputs=inputs)
    with (
        executing(executor),
        complete_or_absent(output, needed_bytes=0, overwrite=overwrite, kind=_ANALYSIS, inputs=inputs) as partial,
        scratch_beside(output) as scratch,
    ):
        partial.mkdir()
        with open_view(
            objects,
            raw=raw,
            cell_mask=cell_mask,
            others=others,
            kind=kind,
            other_kinds=other_kinds,
            threshold=threshold,
            voxel_size=voxel_size,
            allow_unfinished=allow_unfinished,
            registry=registry,
            scratch=scratch,
            output=partial,
            block=block,
            progress=progress,
        ) as view:
            _check_voxel_size(spec, view)
            found = resolve(spec.fn)(view, params=chosen)
            dataset = as_stated(found, spec, others=list(view.others))
        about = {**_provenance(spec, view, chosen, registry), "rows": dict(dataset.sizes)}
        dataset = dataset.assign_attrs(asem=about, statistics=_statistics(spec, dataset))
        write_tables(partial, dataset, name=spec.name)
        (partial / SUMMARY).write_text(json.dumps(summary_of(dataset), indent=2))
        record_contents(partial, made_by=_MADE_BY)
    return dataset


def summary_of(dataset: xr.Dataset) -> dict[str, Any]:
    """What ``analysis.json`` holds of a data set that `analyze` returned: its provenance and, under ``statistics``,
    the numbers of all objects together."""
    return {**dataset.attrs["asem"], "statistics": dataset.attrs["statistics"]}


def _read_from(*volumes: Volume | str | Path | None, params: Any) -> list[Input]:
    """All that an analysis reads: volumes, and the files among its parameters."""
    files = [value for value in attrs.asdict(params).values() if isinstance(value, Path)]
    return [*(volume for volume in volumes if volume is not None), *files]


def _statistics(spec: AnalysisSpec, dataset: xr.Dataset) -> Any:
    found = dataset.attrs.get("statistics", {})
    try:
        return json.loads(json.dumps(found, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"the statistics of the analysis {spec.name} must be numbers, words, lists and dictionaries, and None "
            f"where a number is missing: {error}"
        ) from None


def _check_inputs(spec: AnalysisSpec, given: Mapping[str, object]) -> None:
    for name, value in given.items():
        word = name.replace("_", " ")
        if value is None and name in spec.needs:
            raise AsemError(f"the analysis {spec.name} needs {word}")
        if value is not None and name not in (*spec.needs, *spec.takes):
            used = ", ".join((*spec.needs, *spec.takes)).replace("_", " ") or "nothing"
            raise AsemError(f"the analysis {spec.name} has no use for {word}; beside objects it takes {used}")


def _check_voxel_size(spec: AnalysisSpec, view: View) -> None:
    least, most = spec.voxel_nm
    if not least <= min(view.voxel_size.zyx) <= max(view.voxel_size.zyx) <= most:
        raise GeometryError(
            f"{view.objects.uri} has voxels of {view.voxel_size}; the analysis {spec.name} measures at {least:g} to "
            f"{most:g} nm: correct the size if it is wrong or in another unit, or resample (asem convert --resample)"
        )


def _provenance(spec: AnalysisSpec, view: View, params: Any, registry: Registry) -> dict[str, Any]:
    plugin = registry.analyses.plugin_of(spec.name)
    beside = {"raw": view.raw, "cell_mask": view.cell_mask, **{n: v.objects for n, v in view.others.items()}}
    given = {name: volume for name, volume in beside.items() if volume is not None}
    about = provenance(
        f"asem analyze {spec.name}",
        view.objects,
        analysis={"name": spec.name, "version": spec.version},
        plugin={"distribution": plugin.distribution, "version": plugin.version},
        params=attrs.asdict(params),
        kind=view.kind,
        other_kinds={name: other.kind for name, other in view.others.items()},
        threshold=view.threshold if view.kind == "probabilities" else None,
        voxel_size_nm=view.voxel_size.zyx,
        lower_edge_nm=view.objects.lower_edge_nm,
        inputs={name: dict(volume.identity) for name, volume in given.items()},
        made_from={name: maker(volume) for name, volume in {"objects": view.objects, **given}.items()},
    )
    return dict(json.loads(json.dumps(about, default=str)))
