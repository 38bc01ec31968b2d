"""Listing a plugin costs nothing: it imports no array library, prints nothing, and takes no time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, partial

import attrs

from asem_core.errors import PluginError
from asem_core.plugins import BUILTIN
from asem_core.testing.check import Check, NotChecked

HEAVY = ("bioimageio", "dask", "distributed", "numpy", "onnx", "onnxruntime", "openvino", "pandas", "scipy", "skimage",
         "torch", "xarray", "zarr")  # fmt: skip
MOST_SECONDS = 0.2
"""Of the processor's time: `asem --help` is to answer within a second with a dozen plugins."""
_TRIES = 3
"""The first one may compile."""
_MARK = "asem-listed:"
_CHILD = f"""
import json, sys, time
sys.path[:], name = json.loads(sys.argv[1])
import importlib_metadata
from asem_core.cli.main import command_line
command_line([])[1].checked()
points = importlib_metadata.entry_points(group="asem", name=name)
before, began = set(sys.modules), time.process_time()
command_line(points)[1].checked()
seconds = time.process_time() - began
new = sorted({{module.partition(".")[0] for module in set(sys.modules) - before}})
print({_MARK!r} + json.dumps([seconds, new]))
"""
"""What is listed is what ``asem plugins list`` does, beyond what it does without the plugin."""


@attrs.frozen
class _Listed:
    seconds: float
    imported: tuple[str, ...]
    said: str


def light_checks(plugin: str) -> Iterator[Check]:
    """Whether listing ``plugin``, which is installed, is light; in a process of its own."""
    listed = cache(partial(_listed, plugin))
    for name, find in {
        "listing imports no array library": lambda: _imports(listed()),
        "listing prints nothing": lambda: _prints(listed()),
        f"listing takes less than {MOST_SECONDS} s": lambda: _time(listed().seconds, plugin),
    }.items():
        yield Check(subject="plugin", name=name, find=find)


def _imports(listed: _Listed) -> Iterator[str]:
    heavy = sorted(set(listed.imported) & set(HEAVY))
    if heavy:
        yield (
            f"listing it imports {', '.join(heavy)}: in the module of the entry point import asem_core.specs and "
            "asem_core.hookspecs only, and name heavy code as 'package.module:function'"
        )


def _prints(listed: _Listed) -> Iterator[str]:
    said = " ".join(listed.said.split())
    if said:
        yield f"listing it prints {said[:80]!r}: remove the print, or log"


def _time(seconds: float, plugin: str) -> Iterator[str]:
    for _ in range(_TRIES - 1):
        if seconds > MOST_SECONDS:
            seconds = min(seconds, _listed(plugin).seconds)
    if seconds > MOST_SECONDS:
        yield f"listing it takes {seconds:.2f} s of the processor's time: do in the functions what takes long"


def _listed(plugin: str) -> _Listed:
    if plugin == BUILTIN:
        raise NotChecked("core is listed whatever is installed")
    given = json.dumps([sys.path, plugin])
    run = subprocess.run([sys.executable, "-c", _CHILD, given], capture_output=True, text=True, check=False)
    said, mark, result = run.stdout.rpartition(_MARK)
    if not mark:
        raise PluginError(f"listing it ends the process (exit code {run.returncode}): do nothing at import")
    seconds, imported = json.loads(result)
    return _Listed(seconds, tuple(imported), said + run.stderr)
