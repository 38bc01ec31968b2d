"""Sizes of the house: modules, lines, functions, who imports whom, and the way of one block through ``asem segment``.

    python tests/benchmarks/house.py [CHECKOUT]

The last rows are traced, not counted by hand: one tile is read, predicted and written, and every function of
``asem_core`` that is called for it, and every attrs class of ``asem_core`` that is made meanwhile, is noted.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parents[2]

_TRACE = """
import sys, threading, json
from pathlib import Path
import numpy as np
import asem_core
from asem_core.geometry import VoxelSize
from asem_core.volume import Volume

folder, root = Path(sys.argv[1]), sys.argv[2]
cell = np.random.default_rng(0).integers(90, 160, (40, 40, 40)).astype(np.uint8)
volume = Volume(array=cell, voxel_size=VoxelSize((10, 10, 10)), uri="memory", format="memory", chunks=(40, 40, 40),
                identity={"uri": "memory"})
called, made, deepest = set(), set(), [0]
def note(frame, event, arg):
    if event != "call":
        return
    code = frame.f_code
    initialiser = code.co_name == "__init__" and "attrs generated" in code.co_filename
    if "asem_core" not in code.co_filename and not initialiser:
        if code.co_name == "__setitem__" and "zarr" in code.co_filename:
            depth, at = 0, frame
            while at is not None:
                depth += "asem_core" in at.f_code.co_filename
                at = at.f_back
            deepest[0] = max(deepest[0], depth)
        return
    if "attrs generated" in code.co_filename:
        kind = type(frame.f_locals.get("self"))
        if kind.__module__.startswith("asem_core"):
            made.add(f"{kind.__module__}.{kind.__qualname__}")
    elif not code.co_name.startswith("<"):
        called.add((code.co_filename, code.co_qualname))
def watch(stage, done, total):
    trace = note if (stage, done) == ("predict", 0) else None
    sys.setprofile(trace); threading.setprofile(trace)
for name in ("warm", "out"):
    for found in (called, made): found.clear()
    asem_core.segment(volume, folder / f"{name}.zarr", organelle="mito", model="mito-compact-10nm", precision="f32",
                      progress=watch)
files = {name for name, _ in called}
print(json.dumps({"functions": len(called), "modules": len(files), "classes": len(made), "depth": deepest[0]}))
"""


def main(root: Path) -> None:
    package = root / "asem_core"
    modules = {_name(path, root): path for path in sorted(package.rglob("*.py"))}
    trees = {name: ast.parse(path.read_text()) for name, path in modules.items()}
    code = {name: path for name, path in modules.items() if path.name != "__init__.py"}
    lines = [len(path.read_text().splitlines()) for path in code.values()]
    functions = [sum(isinstance(n, ast.FunctionDef) for n in ast.walk(trees[name])) for name in code]
    lengths = [
        node.end_lineno - node.lineno + 1
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
    ]
    importers = Counter(target for name, tree in trees.items() for target in _imports(tree, set(modules)) - {name})
    single = sorted(name for name in code if importers[name] == 1 and ".cli." not in name)
    skips = sum(path.read_text().count("# fmt: skip") for path in modules.values())
    rows = {
        "modules (without __init__)": len(code),
        "lines": sum(len(path.read_text().splitlines()) for path in modules.values()),
        "lines of a module, median and most": f"{median(lines):g}, {max(lines)}",
        "functions": sum(functions),
        "functions of a module, median": f"{median(functions):g}",
        "lines of a function, median and most": f"{median(lengths):g}, {max(lengths)}",
        "modules outside cli with a single importer": len(single),
        "# fmt: skip": skips,
    }
    for name, value in rows.items():
        print(f"{name:<60}{value}")
    print(_way(root), end="")


def _way(root: Path) -> str:
    import json

    paths = [root, *root.glob("plugins/*/*/")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [sys.executable, "-c", _TRACE, folder, str(root)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
        )
    found = json.loads(told.stdout.splitlines()[-1])
    return "".join(
        f"{'the way of one block: ' + name:<60}{found[key]}\n"
        for name, key in (
            ("functions called", "functions"),
            ("modules they are in", "modules"),
            ("kinds of containers made", "classes"),
            ("functions above a written chunk", "depth"),
        )
    )


def _name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.AST, known: set[str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & known


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE)
