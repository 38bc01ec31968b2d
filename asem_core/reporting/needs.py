"""What a report needs and may lack."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from asem_core.errors import AsemError

if TYPE_CHECKING:
    import xarray as xr

_PACKAGES = ("matplotlib", "plotly")


def need_packages() -> None:
    """Raise `AsemError` where the packages that draw figures are not installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise AsemError(f"a report needs {' and '.join(missing)}: pip install 'asem-core[report]'")


def need_variables(dataset: xr.Dataset, *names: str) -> None:
    """Raise `AsemError` where ``dataset``, which another version may have written, lacks one of ``names``."""
    missing = [name for name in names if name not in dataset.variables]
    if missing:
        raise AsemError(
            f"the tables have no {', '.join(missing)}: another version of the analysis wrote them; "
            "run `asem analyze` again"
        )
