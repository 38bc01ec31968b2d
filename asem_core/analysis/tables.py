"""Tables that an analysis leaves: one data set as Zarr, CSV and, where pyarrow is installed, Parquet."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from asem_core.errors import PluginError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

NO_PARQUET = "no Parquet was written, it needs pyarrow: pip install 'asem-core[parquet]'"


def has_parquet() -> bool:
    """Whether `write_tables` writes Parquet here."""
    return find_spec("pyarrow") is not None


def write_tables(folder: Path, dataset: xr.Dataset, *, name: str) -> list[Path]:
    """Write ``<name>.zarr`` (everything), ``<name>.csv`` and ``<name>.parquet`` (one row per object).

    Parameters
    ----------
    folder
        Exists.
    dataset
        Its first dimension counts the objects. A variable with that dimension alone is a column; variables with more
        (profiles, images) are in the Zarr only. A column with a unit ends with it: ``diameter_nm``.
    name
        Of the files.

    Returns
    -------
    list of Path
        What was written.
    """
    written = [folder / f"{name}.zarr", folder / f"{name}.csv"]
    dataset.to_zarr(written[0], mode="w-", zarr_format=2, consolidated=True)
    rows = to_rows(dataset)
    rows.to_csv(written[1], float_format="%.10g")
    if has_parquet():
        written.append(folder / f"{name}.parquet")
        rows.to_parquet(written[2])
    return written


def to_rows(dataset: xr.Dataset) -> pd.DataFrame:
    """The columns of ``dataset``, one row per object; see `write_tables`.

    Examples
    --------
    >>> import xarray as xr
    >>> made = xr.Dataset({"volume_nm3": ("object", [1.0, 8.0]), "profile": (("object", "depth"), [[0, 1], [2, 3]])})
    >>> to_rows(made).columns.tolist()
    ['volume_nm3']
    """
    if not dataset.sizes:
        raise PluginError("an analysis must return a data set with one row per object, got one without dimensions")
    dimension = str(next(iter(dataset.sizes)))
    columns = [variable for variable, values in dataset.data_vars.items() if values.dims == (dimension,)]
    return dataset[columns].to_dataframe()
