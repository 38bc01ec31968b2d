"""Render the templates of a kind into a new folder."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path

from asem_core.errors import OutputError, PluginError

KINDS = {
    "organelle": "asem organelles",
    "analysis": "asem analyze {name} mito.zarr -o measured",
    "dataset": "asem datasets show {name}",
    "reader": "asem info cell.{name}",
    "preprocessor": "asem preprocess cell.zarr --stage {name} -o out.zarr",
    "runtime": "asem segment cell.zarr --organelle mito --runtime {name} -o mito.zarr",
}
"""What a plugin may begin as, and a command that uses it."""
_TEMPLATES = Path(__file__).parent
_SUFFIX = ".jinja"


def new_plugin(kind: str, name: str, *, folder: Path | None = None) -> Path:
    """Write a repository for a plugin of one kind.

    Parameters
    ----------
    kind
        One of `KINDS`.
    name
        Of what it registers: small letters, digits and hyphens.
    folder
        To make; by default ``asem-KIND-NAME``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    PluginError
        ``name`` cannot be one.
    OutputError
        ``folder`` exists already.

    Examples
    --------
    >>> new_plugin("organelle", "lysosome").name
    'asem-organelle-lysosome'
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise PluginError(f"the name of a plugin is small letters, digits and single hyphens, got {name!r}")
    values = _values(kind, name)
    folder = Path(values["distribution"]) if folder is None else folder
    if folder.exists():
        raise OutputError(f"{folder} exists already: remove it, or write another folder with -o FOLDER")
    for path, text in _rendered(kind, values):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def entry_point(kind: str, name: str) -> str:
    """What the plugin is called in `asem plugins list`, `show` and `check`.

    >>> entry_point("organelle", "lysosome"), entry_point("reader", "npy")
    ('lysosome', 'reader-npy')
    """
    return name if kind == "organelle" else f"{kind}-{name}"


def _values(kind: str, name: str) -> dict[str, str]:
    import importlib_metadata
    from packaging.version import Version

    version = Version(importlib_metadata.version("asem-core"))
    package_name = name.replace("-", "_")
    return {
        "kind": kind,
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "package_name": package_name,
        "package": f"asem_{kind}_{package_name}",
        "distribution": f"asem-{kind}-{name}",
        "entry_point": entry_point(kind, name),
        "use": KINDS[kind].format(name=name),
        # To pip a version on the way to a release is none of that release's.
        "core": f"{version.major}.{version.minor}{'.dev0' if version.is_prerelease else ''}",
        "next_core": f"{version.major}.{version.minor + 1}",
        "year": str(datetime.datetime.now(tz=datetime.UTC).year),
    }


def _rendered(kind: str, values: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Path and text of every file; one of the kind's own comes in place of the common one."""
    import jinja2

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    files = {
        path.relative_to(_TEMPLATES / part).as_posix(): path
        for part in ("common", kind)
        for path in sorted((_TEMPLATES / part).rglob(f"*{_SUFFIX}"))
    }
    for place, path in files.items():
        named = place.removesuffix(_SUFFIX).replace("PACKAGE_NAME", values["package_name"])
        text = environment.from_string(path.read_text(encoding="utf-8")).render(values)
        yield named.replace("PACKAGE", values["package"]), text
