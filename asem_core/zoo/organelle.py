"""The organelle that a package finds: named in ``rdf.yaml``, and described in ``organelle.yaml`` where it has one."""

from __future__ import annotations

from pathlib import Path

from asem_core.errors import ModelError, OrganelleError
from asem_core.organelles import organelle_text, read_organelle
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec
from asem_core.zoo.files import ORGANELLE_NAME
from asem_core.zoo.guard.names import local_file
from asem_core.zoo.rdf import organelle_of


def carried_organelle(folder: Path) -> OrganelleSpec | None:
    """What ``organelle.yaml`` in ``folder`` says; None: the package has none, as those of plugins need not.

    Raises
    ------
    ModelError
        The file is not as `asem_core.organelles.read_organelle` wants it, lies outside the package, or describes
        another organelle than ``rdf.yaml`` names.
    """
    if not (folder / ORGANELLE_NAME).exists():
        return None
    path = local_file(folder, ORGANELLE_NAME, f"{folder}, its organelle")
    try:
        found = read_organelle(path)
    except OrganelleError as error:
        raise ModelError(f"{error}: get the package again") from None
    if found.name != (stated := organelle_of(folder)):
        raise ModelError(f"{path} describes {found.name}, but the model finds {stated}: get the package again")
    return found


def packaged_organelle(folder: Path, *, registry: Registry) -> OrganelleSpec:
    """The organelle that the model in ``folder`` finds: the one that the package carries, else the installed one.

    Raises
    ------
    ModelError
        As `carried_organelle`, or the package names none.
    PluginError
        It carries none, and none of the name is installed.
    """
    return carried_organelle(folder) or registry.organelles[organelle_of(folder)]


def write_organelle(organelle: OrganelleSpec, folder: Path) -> Path:
    """Write ``organelle.yaml`` into ``folder``."""
    path = folder / ORGANELLE_NAME
    path.write_text(organelle_text(organelle), encoding="utf-8")
    return path
