"""What ASEM finds on this machine: versions, plugins, processor, memory, and what would make it faster."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import importlib_metadata

from asem_core.registry import Registry, resolve
from asem_core.specs import Capabilities

__all__ = ["Diagnosis", "diagnose"]

_LIBRARIES = ("numpy", "scipy", "zarr", "onnxruntime", "onnxruntime-gpu", "openvino", "tensorstore", "torch")
_NO_FEATURE = ("cuda", "docs", "test")
"""Extras that are judged by what works, or that are for developers."""
_FLAGS = {
    "AVX2": {"avx2"}, "AVX-512": {"avx512f"}, "VNNI": {"avx512_vnni", "avx_vnni"}, "AMX int8": {"amx_int8"},
    "AMX bf16": {"amx_bf16"}, "bf16": {"avx512_bf16", "bf16"},
}  # fmt: skip
"""As ``/proc/cpuinfo`` calls instructions."""


@attrs.frozen(kw_only=True)
class Diagnosis:
    """What `diagnose` found."""

    facts: Mapping[str, tuple[str, ...]]
    """Lines of text by their subject."""
    broken: tuple[str, ...]
    """What does not work, each with its reason."""
    advice: tuple[str, ...]
    """What to install for more speed."""

    def __str__(self) -> str:
        rows = [(name if n == 0 else "", line) for name, lines in self.facts.items() for n, line in enumerate(lines)]
        rows += [("broken", line) for line in self.broken or ("nothing",)] + [("advice", line) for line in self.advice]
        return "\n".join(f"{name:<12}{line}" for name, line in rows)


def diagnose(registry: Registry) -> Diagnosis:
    """Look at the installation and the machine; nothing is changed, no network is used.

    Parameters
    ----------
    registry
        Plugins and runtimes that are looked at.
    """
    runtimes, abilities = _runtimes(registry)
    gpus = _gpus()
    installed = _installed()
    facts = {
        "ASEM": tuple(f"{name} {installed[name]}" for name in sorted(installed) if name.startswith("asem-")),
        "Python": (f"{platform.python_version()}, {sys.executable}",),
        "system": (platform.platform(),),
        "libraries": (", ".join(f"{name} {installed[name]}" for name in _LIBRARIES if name in installed),),
        "extras": _extras(installed),
        "plugins": tuple(f"{p.name} ({p.distribution})" for p in registry.checked() if p.error is None),
        "processor": _processor(),
        "GPU": gpus or ("none that nvidia-smi shows",),
        "memory": (_memory(),),
        "disk": tuple(_disks()),
        "runtimes": runtimes,
    }
    return Diagnosis(
        facts=facts,
        broken=tuple(_broken(registry, abilities, installed)),
        advice=tuple(_advice(installed, abilities, gpus)),
    )


def _installed() -> dict[str, str]:
    """Versions of all distributions, by their normal names."""
    found: dict[str, str] = {}
    for each in importlib_metadata.distributions():
        name = _normal(str(each.metadata["Name"] or ""))
        found.setdefault(name, str(each.version))
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _extras(installed: Mapping[str, str]) -> tuple[str, ...]:
    """Of asem-core: those whose distributions are all there, and the others."""
    needed: dict[str, set[str]] = {}
    for line in (importlib_metadata.requires("asem-core") or ()) if "asem-core" in installed else ():
        name, extra = re.match(r"[\w.-]+", line), re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if name and extra and extra[1] not in _NO_FEATURE:
            needed.setdefault(extra[1], set()).add(_normal(name[0]))
    there = [extra for extra, names in needed.items() if names <= installed.keys()]
    absent = [extra for extra in needed if extra not in there]
    lines = [f"installed: {', '.join(there) or 'none'}"]
    return (*lines, f"not installed: {', '.join(absent)} (pip install 'asem-core[NAME]')") if absent else tuple(lines)


def _runtimes(registry: Registry) -> tuple[tuple[str, ...], dict[str, Capabilities]]:
    """In words, and what those can do that work."""
    lines, abilities = [], {}
    for name, spec in registry.runtimes.items():
        try:
            found: Capabilities | str = resolve(spec.probe)()
        except Exception as exc:  # a library that is there but damaged raises whatever it likes
            found = f"{type(exc).__name__}: {exc}"
        if isinstance(found, str):
            lines.append(f"{name}: {found}")
        else:
            abilities[name] = found
            lines.append(f"{name}: {', '.join(precision.name for precision in found.precisions)}")
    return tuple(lines), abilities


def _processor() -> tuple[str, ...]:
    import psutil

    from asem_core.processors import processors

    try:
        from asem_core.models.runtimes.openvino_runtime import processor

        name = processor()
    except Exception:  # OpenVINO is not there, or cannot tell
        name = platform.processor() or platform.machine()
    flags = _flags()
    known = ", ".join(called for called, any_of in _FLAGS.items() if any_of & flags)
    cores = (
        f"{psutil.cpu_count(logical=False) or '?'} cores, {psutil.cpu_count()} threads, {processors()} for this process"
    )
    return (name, cores, f"instructions: {known}") if flags else (name, cores)


def _flags() -> set[str]:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((set(line.split()) for line in lines if line.startswith(("flags", "Features"))), set())


def _gpus() -> tuple[str, ...]:
    query = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    fields = ([part.strip() for part in line.split(",")] for line in said.stdout.splitlines())
    names = ("{}, {}, {} free, driver {}".format(*line) for line in fields if len(line) == 4)
    return tuple(names) if said.returncode == 0 else ()


def _memory() -> str:
    import psutil

    from asem_core.memory import available_memory

    return f"{available_memory() / 1e9:.1f} GB free for ASEM of {psutil.virtual_memory().total / 1e9:.1f} GB"


def _disks() -> Iterator[str]:
    from asem_core.zoo.store import model_store

    for what, folder in (("here", Path.cwd()), ("temporary", Path(tempfile.gettempdir())), ("models", model_store())):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        yield f"{shutil.disk_usage(there).free / 1e9:.0f} GB free: {folder} ({what})"


def _broken(registry: Registry, abilities: Mapping[str, Capabilities], installed: Mapping[str, str]) -> Iterator[str]:
    for plugin in registry.checked():
        if plugin.error is not None:
            yield f"plugin {plugin.name} ({plugin.distribution} {plugin.version}): {plugin.error}"
    if not abilities:
        yield "no runtime works: nothing can be segmented; pip install --force-reinstall asem-core"
    if {"onnxruntime", "onnxruntime-gpu"} <= installed.keys():
        yield "onnxruntime and onnxruntime-gpu are both installed and overwrite each other: pip uninstall one of them"


def _advice(
    installed: Mapping[str, str], abilities: Mapping[str, Capabilities], gpus: tuple[str, ...]
) -> Iterator[str]:
    onnx = abilities.get("onnxruntime")
    if gpus and (onnx is None or onnx.device_memory is None):
        yield "a GPU is there and not used: pip install 'asem-core[cuda]'"
    openvino = abilities.get("openvino")
    if openvino is None and not gpus:
        yield "pip install openvino: the fastest runtime on a processor"
    if openvino is not None and any(each.quantised for each in openvino.precisions):
        if "nncf" not in installed:
            yield (
                "this processor multiplies 8-bit integers: pip install 'asem-core[quantise]', then `asem zoo quantise "
                "MODEL` makes a faster model"
            )
        else:
            yield "this processor multiplies 8-bit integers: `asem zoo quantise MODEL` makes a faster model"
    if "torch" not in installed:
        yield "to train and fine-tune: pip install 'asem-core[train]'"
