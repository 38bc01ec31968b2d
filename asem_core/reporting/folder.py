"""The output folder of an analysis, read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from asem_core.analysis.run import SUMMARY
from asem_core.errors import AsemError

if TYPE_CHECKING:
    import xarray as xr


@attrs.frozen(kw_only=True, eq=False)
class Analysed:
    """What an analysis left."""

    folder: Path
    about: Mapping[str, Any]
    """``analysis.json``."""
    dataset: xr.Dataset
    """In memory."""

    @property
    def name(self) -> str:
        """Of the analysis."""
        return str(self.about["analysis"]["name"])


def read_analysis(folder: Path) -> Analysed:
    """Read what `asem_core.analysis.analyze` wrote into ``folder``.

    Raises
    ------
    AsemError
        It is no output of an analysis, or a part of it is missing or damaged.
    """
    import xarray as xr

    path = folder / SUMMARY
    if not path.is_file():
        what = "there is no such folder" if not folder.is_dir() else f"it has no {SUMMARY}"
        raise AsemError(f"{folder} is no output of `asem analyze`: {what}")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        name = str(about["analysis"]["name"])
    except (ValueError, KeyError, TypeError) as error:
        raise AsemError(f"{path} is damaged ({error!r}); run `asem analyze` again") from None
    tables = folder / f"{name}.zarr"
    try:
        with xr.open_zarr(tables, chunks=None) as dataset:
            return Analysed(folder=folder, about=about, dataset=dataset.load())
    except (OSError, ValueError, KeyError) as error:
        raise AsemError(f"{tables} is missing or damaged ({error}); run `asem analyze` again") from None
