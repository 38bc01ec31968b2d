"""What an analysis returned, held against what its spec states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import xarray as xr

from asem_core.errors import AsemError, PluginError
from asem_core.specs import OTHER, AnalysisSpec, Output


def as_stated(dataset: Any, spec: AnalysisSpec, *, others: Sequence[str]) -> xr.Dataset:
    """``dataset``, with what its variables are in words as their ``long_name``.

    Parameters
    ----------
    dataset
        What ``spec.fn`` returned.
    others
        Names of the other organelles that it was given.

    Raises
    ------
    PluginError
        It is no data set, or variables are missing, not stated, of another type or of other dimensions.
    AsemError
        The name of another organelle makes two variables of one name.
    """
    if not isinstance(dataset, xr.Dataset):
        raise PluginError(f"the analysis {spec.name} must return an xarray.Dataset, got {type(dataset).__name__}")
    wanted = stated(spec, others)
    faults = [f"{name} is missing" for name, output in wanted.items() if name not in dataset and not output.optional]
    faults += [f"{name} is not stated" for name in dataset.data_vars if name not in wanted]
    for name, output in wanted.items():
        if name in dataset:
            form, got = _form(output, spec), f"{_dtype(dataset[name])} ({', '.join(map(str, dataset[name].dims))})"
            faults += [f"{name} is {got}, stated {form}"] if got != form else []
    if not faults and next(iter(dataset.sizes), None) != spec.row:
        faults = [f"the dimension {spec.row} must be the first of {', '.join(map(str, dataset.sizes)) or 'none'}"]
    if faults:
        raise PluginError(f"the analysis {spec.name} returned something else than its outputs: {'; '.join(faults)}")
    described = {name: dataset[name].assign_attrs(long_name=wanted[str(name)].text) for name in dataset.data_vars}
    return dataset.assign(described)


def stated(spec: AnalysisSpec, others: Sequence[str]) -> dict[str, Output]:
    """Every variable of an analysis that was given ``others``, by name.

    Raises
    ------
    AsemError
        The name of another organelle makes two variables of one name.
    """
    pairs = [
        (name.replace(OTHER, other), output)
        for output in spec.outputs
        for name in output.names
        for other in (others if OTHER in name else [""])
    ]
    twice = sorted(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    if twice:
        raise AsemError(f"two columns would be called {twice[0]}: give the other organelle another name than any of "
                        f"{', '.join(others)}")  # fmt: skip
    return dict(pairs)


def _form(output: Output, spec: AnalysisSpec) -> str:
    dims = (spec.row,) if output.dims is None else output.dims
    return f"{output.dtype} ({', '.join(dims)})"


def _dtype(values: xr.DataArray) -> str:
    if values.dtype.kind in "UT" or (values.dtype.kind == "O" and all(isinstance(v, str) for v in values.values.flat)):
        return "str"
    return values.dtype.name
