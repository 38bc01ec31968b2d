"""Pages that nobody writes: one of every command, every public package, and every model's card."""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import commands
from sphinx.application import Sphinx

import asem_core

ROOT = Path(__file__).parents[2]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", lambda app, _: write(Path(app.srcdir) / "generated"))
    app.connect("sphinx-click-process-description", lambda app, ctx, lines: set_examples(lines))
    return {"parallel_read_safe": True}


def set_examples(lines: list[str]) -> None:
    """What follows ``Examples:`` in the help of a verb becomes code; sphinx-click makes a block of lines of it."""
    start = next((number for number, line in enumerate(lines) if line.startswith("| Example")), None)
    if start is not None:
        code = [f"   {line.removeprefix('|').strip()}" for line in lines[start + 1 :] if line.startswith("|")]
        lines[start:] = [".. code-block:: text", "", *code, "", *[line for line in lines[start:] if line[:1] != "|"]]


def write(folder: Path) -> None:
    """Write the pages into ``folder``; those that are as they should be are left alone, so that Sphinx skips them."""
    pages = command_pages() | room_pages() | model_pages()
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.*"):
        if path.relative_to(folder).as_posix() not in pages:
            path.unlink()


def command_pages() -> dict[str, str]:
    """One for every verb, with all that is below it."""
    page = ".. click:: commands:{name}\n   :prog: asem {name}\n   :nested: full\n"
    return {f"cli/{name}.rst": page.format(name=name) for name in commands.names()}


def room_pages() -> dict[str, str]:
    """One for everything that a plugin may import from: core, its packages, and the modules directly in it."""
    rooms = ["asem_core", *(f"asem_core.{module.name}" for module in iter_modules(asem_core.__path__))]
    public = {room: sorted(getattr(import_module(room), "__all__", [])) for room in rooms}
    seen: dict[int, str] = {}
    return {f"api/{room}.rst": _room_page(room, names, seen) for room, names in public.items() if names}


def _room_page(room: str, names: list[str], seen: dict[int, str]) -> str:
    """What is in ``seen``, by identity, was described on the page of another room, and is referred to."""
    lines = [room, "=" * len(room), "", f".. automodule:: {room}", "   :no-members:", ""]
    told = [name for name in names if _directive(getattr(import_module(room), name)) != "py:data"]
    if told:  # of a value autosummary would tell what its type is
        lines += [".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in told), ""]
    for name in names:
        value = getattr(import_module(room), name)
        kind = _directive(value)
        if kind == "py:data":
            lines += [f".. py:data:: {name}", *([] if " at 0x" in repr(value) else [f"   :value: {value!r}"]), ""]
        elif id(value) in seen:
            lines += [f"``{name}``: see `{seen[id(value)]}`.", ""]
        else:
            seen[id(value)] = f"{room}.{name}"
            lines += [f".. {kind}:: {room}.{name}", *([] if kind == "autofunction" else ["   :members:"]), ""]
    return "\n".join(lines)


def _directive(value: object) -> str:
    if inspect.isclass(value):
        return "autoexception" if issubclass(value, Exception) else "autoclass"
    return "autofunction" if inspect.isroutine(value) else "py:data"


def model_pages() -> dict[str, str]:
    """The card of every model of the repository, below its cover."""
    models = json.loads((ROOT / "zoo" / "index.json").read_text(encoding="utf-8"))
    return {f"models/{model['id']}.md": _model_page(model["id"], model["package"]) for model in models}


def _model_page(name: str, package: str) -> str:
    warning, _, card = (ROOT / package / "README.md").read_text(encoding="utf-8").partition("\n# ")
    title, _, text = card.partition("\n")
    cover = f"![The image, and what {name} finds in it](../../../{package}/cover.png)"
    return f"# {title}\n\n**{warning.strip()}**\n\n{cover}\n{text}"
