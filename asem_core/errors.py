"""Errors that reach the user: one line that says where, what was expected, what was found, and what to do."""

from __future__ import annotations

__all__ = [
    "AsemError", "BlockError", "BudgetError", "ClusterError", "GeometryError", "ModelError", "OrganelleError",
    "OutputError", "PluginError", "ProjectError", "RecipeError", "ResumeError", "StorageError", "UnfinishedError",
    "VolumeError",
]  # fmt: skip


class AsemError(Exception):
    """Base of every error that ASEM raises on purpose. The command line prints it as one line and exits with 2."""

    exit_code = 2


class VolumeError(AsemError):
    """A volume cannot be opened, read or understood."""


class UnfinishedError(VolumeError):
    """A volume is part of an output that is not whole."""


class GeometryError(AsemError):
    """Voxel sizes, boxes or shapes that do not fit together."""


class PluginError(AsemError):
    """A plugin is broken, unknown, or two of them claim one name."""


class ModelError(AsemError):
    """A model package is missing, damaged, or does not fit its input."""


class OrganelleError(AsemError):
    """A file does not say what an organelle is, or says it wrongly."""


class OutputError(AsemError):
    """The output exists already, cannot be written, or has no room."""


class StorageError(OutputError):
    """A bucket cannot be reached, does not exist or does not let us in: nothing more can be written there."""


class ResumeError(OutputError):
    """An output was made, or begun, from another input or with other settings."""


class BudgetError(AsemError):
    """The work does not fit into the memory that is allowed."""


class ClusterError(AsemError):
    """A cluster cannot be reached, has no workers, or has workers that cannot do this work."""


class RecipeError(AsemError):
    """A training recipe does not say what it must, or says it wrongly."""


class ProjectError(AsemError):
    """The file of a project does not say what it must, or says it wrongly; or a step of it failed."""


class BlockError(AsemError):
    """Blocks of a run failed; the others are kept and the run can be resumed."""

    exit_code = 1
