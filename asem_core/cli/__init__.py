"""The command line: one thin file for each verb."""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.cli.context import shared_registry
    from asem_core.cli.options import FILE, FOLDER, GREY, KIND, ORGANELLE, PATH, PLACE, ROI, VOXEL_SIZE
    from asem_core.cli.params_options import options_of
    from asem_core.cli.progress import progress_bar

__all__ = ["FILE", "FOLDER", "GREY", "KIND", "ORGANELLE", "PATH", "PLACE", "ROI", "VOXEL_SIZE", "options_of",
           "progress_bar", "shared_registry"]  # fmt: skip
__getattr__, __dir__ = lazy_names(__name__)
