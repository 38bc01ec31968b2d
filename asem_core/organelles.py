"""Organelles: which one is meant, by its name or by a file that describes it without Python.

::

    # lysosome.yaml                            the fields of `OrganelleSpec` that are no models
    name: lysosome
    title: Lysosomes
    threshold: 0.5
    cleanup:
    - name: remove_small_objects
      params: {min_voxels: 27}
    dilate_voxels: 0
    exclusion_zone:
      name: shell
      params: {dilate: 2, erode: 2}
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import attrs
import cattrs
import yaml

from asem_core.errors import OrganelleError, PluginError
from asem_core.home import local_path
from asem_core.params import field_docs, make_params
from asem_core.plain_yaml import read_as
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec, StageRef

__all__ = ["check_organelle", "file_of", "find_organelle", "is_organelle_file", "name_of", "new_organelle",
           "organelle_text", "read_organelle"]  # fmt: skip

_OF_PLUGINS = ("models", "default_model", "recipe")
"""Fields that name files of a plugin's distribution."""
_HEAD = """\
# The organelle {name}, without a plugin: give this file wherever a command takes --organelle.
# Widths are voxels of a 5 nm grid, volumes are counted in voxels of 125 nm^3; on another grid they are scaled.
"""


def find_organelle(organelle: OrganelleSpec | str | Path, registry: Registry) -> OrganelleSpec:
    """The organelle that is meant.

    Parameters
    ----------
    organelle
        The organelle itself; the name of an installed one; or a file, see `is_organelle_file`. A file that has the
        name of an installed organelle gives other numbers to it: the models are the installed one's.
    registry
        For the name, and for what a file calls by name.

    Raises
    ------
    PluginError
        None of that name is installed; the message lists those that are.
    OrganelleError
        As `read_organelle` and `check_organelle`.
    """
    if isinstance(organelle, OrganelleSpec):
        return organelle
    if not is_organelle_file(organelle):
        return registry.organelles[str(organelle)]
    path = local_path(organelle)
    found = read_organelle(path)
    check_organelle(found, registry, where=str(path))
    if found.name not in registry.organelles:
        return found
    installed = registry.organelles[found.name]
    return attrs.evolve(found, **{name: getattr(installed, name) for name in _OF_PLUGINS})


def name_of(organelle: str) -> str:
    """What labels of ``organelle`` are called: a name, installed or not, or what a file says it is.

    Raises
    ------
    OrganelleError
        As `read_organelle`.
    """
    return read_organelle(organelle).name if is_organelle_file(organelle) else organelle


def is_organelle_file(organelle: str | Path) -> bool:
    """Whether ``organelle`` is meant as a file: a `Path`, or text that ends in ``.yaml`` or ``.yml``.

    >>> [is_organelle_file(text) for text in ("mito", "lysosome.yaml", "~/drawn/lysosome.yml")]
    [False, True, True]
    """
    return isinstance(organelle, Path) or organelle.endswith((".yaml", ".yml"))


def read_organelle(path: str | Path) -> OrganelleSpec:
    """The organelle that a file describes; a plugin that ships one returns it from `asem_register_organelles`.

    Parameters
    ----------
    path
        YAML with the fields of `OrganelleSpec` but ``models``, ``default_model`` and ``recipe``, which a plugin adds
        with `attrs.evolve`. Stages are ``name`` and ``params``, as in a recipe.

    Raises
    ------
    OrganelleError
        It cannot be read, or a key or value does not belong; the message names the file and each of them. Whether a
        rule or zone is there, `check_organelle` finds out.

    Examples
    --------
    >>> read_organelle("lysosome.yaml").threshold  # doctest: +SKIP
    0.5
    """
    path = local_path(path)
    if not path.exists():
        raise OrganelleError(f"{path}: there is no such file; `asem organelles new {path.stem} -o {path}` writes one")
    return read_as(path, OrganelleSpec, error=OrganelleError, without=_OF_PLUGINS)


def check_organelle(organelle: OrganelleSpec, registry: Registry, *, where: str) -> None:
    """Check that the clean-up and the zones of ``organelle`` are registered and take their parameters.

    Raises
    ------
    OrganelleError
        One is not, or does not; the message begins with ``where`` and lists what there is.
    """
    zones = (organelle.exclusion_zone, *organelle.zone_presets.values())
    try:
        for stage in organelle.cleanup:
            make_params(registry.label_rules[stage.name], stage.params)
        for stage in zones:
            make_params(registry.exclusion_zones[stage.name], stage.params)
    except PluginError as error:
        raise OrganelleError(f"{where}: {error}") from None


def file_of(path: str) -> Path:
    """Where the file ``"import_package:path"`` lies, whether it is there or not."""
    package, _, inside = path.partition(":")
    found = find_spec(package)
    folders = (found.submodule_search_locations if found else None) or []
    return next((Path(folder, inside) for folder in folders), Path(inside))


def new_organelle(name: str, *, like: OrganelleSpec | None = None) -> OrganelleSpec:
    """An organelle to begin with: the numbers of ``like``, or those that the paper has for Golgi, not dilated.

    Raises
    ------
    OrganelleError
        ``name`` cannot be one.

    Examples
    --------
    >>> new_organelle("lysosome").title
    'Lysosome'
    """
    begun = like or OrganelleSpec(
        name="new",
        title="New",
        cleanup=(StageRef(name="remove_small_objects", params={"min_voxels": 27}),),
        exclusion_zone=StageRef(name="shell", params={"dilate": 2, "erode": 2}),
    )
    if is_organelle_file(name):
        raise OrganelleError(f"an organelle has a name, such as {Path(name).stem}, got {name!r}")
    try:
        return attrs.evolve(
            begun, name=name, title=name[:1].upper() + name[1:], models=(), default_model=None, recipe=None
        )
    except ValueError as error:
        raise OrganelleError(f"an organelle's {error}") from None


def organelle_text(organelle: OrganelleSpec) -> str:
    """``organelle``, without its models, as the YAML that `read_organelle` reads, with what each field means.

    Examples
    --------
    >>> organelle_text(new_organelle("lysosome")).splitlines()[4]
    'name: lysosome'
    """
    values = cattrs.Converter().unstructure(organelle)
    docs = field_docs(OrganelleSpec)
    parts = [_HEAD.format(name=organelle.name)]
    for name, value in values.items():
        if name not in _OF_PLUGINS:
            # None writes a mapping of plain values in one line, even the outermost.
            inline = None if isinstance(value, dict | list) and value else False
            written = yaml.safe_dump({name: value}, sort_keys=False, default_flow_style=inline, allow_unicode=True)
            parts.append(f"# {docs[name].replace('``', '')}\n{written}")
    return "\n".join(parts)
