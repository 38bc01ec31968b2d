"""Pages that nobody writes: one of every command, spec, file that users write, public package, and model's card."""

from __future__ import annotations

import inspect
import json
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules, resolve_name

import attrs
import commands
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import asem_core
from asem_core import specs

ROOT = Path(__file__).parents[2]
SPECS = [
    *(f"asem_core.specs.{name}" for name in specs.__all__ if attrs.has(getattr(specs, name))),
    "asem_core.analysis.View",
    "asem_core.geometry.VoxelSize",
]
"""What has a page of its own."""
FILES = {
    "recipe": ("asem_core.training.recipe", ("Recipe", "Data", "Phase", "Sampling", "Augment", "Optimiser")),
    "card": ("asem_core.zoo.write.card", ("Card", "Citation")),
}
"""Classes whose fields are the keys of a file that users write, by what the file is."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", lambda app, _: write(Path(app.srcdir) / "generated"))
    app.connect("sphinx-click-process-description", lambda app, ctx, lines: set_examples(lines))
    app.connect("autodoc-process-docstring", lambda app, what, name, *rest: add_default(what, name, rest[-1]))
    return {"parallel_read_safe": True}


def add_default(what: str, name: str, lines: list[str]) -> None:
    """To the text of a field: that it must be given, or what it is where it is not."""
    owner, _, field = name.rpartition(".")
    kind = resolve_name(owner) if what == "attribute" else None
    if not isinstance(kind, type) or not attrs.has(kind) or field not in attrs.fields_dict(kind):
        return
    default = attrs.fields_dict(kind)[field].default
    if isinstance(default, attrs.Factory):
        if default.takes_self:
            return  # It follows from other fields, which the docstring says.
        default = default.factory()
    value = getattr(default, "__name__", repr(default))
    lines += ["", "Must be given." if default is attrs.NOTHING else f"Default: ``{value}``.", ""]


def set_examples(lines: list[str]) -> None:
    """What follows ``Examples:`` in the help of a verb becomes code; sphinx-click makes a block of lines of it."""
    start = next((number for number, line in enumerate(lines) if line.startswith("| Example")), None)
    if start is not None:
        code = [f"   {line.removeprefix('|').strip()}" for line in lines[start + 1 :] if line.startswith("|")]
        lines[start:] = [".. code-block:: text", "", *code, "", *[line for line in lines[start:] if line[:1] != "|"]]


def write(folder: Path) -> None:
    """Write the pages into ``folder``; those that are as they should be are left alone, so that Sphinx skips them."""
    pages = command_pages() | spec_pages() | file_pages() | room_pages() | model_pages()
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


def spec_pages() -> dict[str, str]:
    """One for every spec: each field with its type, what it means, and what it is where it is not given."""
    return {f"specs/{name.rpartition('.')[2]}.rst": _page(name.rpartition(".")[2], [name]) for name in SPECS}


def file_pages() -> dict[str, str]:
    """One for every file that users write, key by key."""
    return {
        f"files/{file}.rst": _page(f"The {file}, key by key", [f"{module}.{name}" for name in names])
        for file, (module, names) in FILES.items()
    }


def _page(title: str, kinds: list[str]) -> str:
    described = [f".. autoclass:: {kind}\n   :members:\n" for kind in kinds]
    return "\n".join([title, "=" * len(title), "", *described])


def room_pages() -> dict[str, str]:
    """One for everything that a plugin may import from: core, its packages, and the modules directly in it."""
    rooms = ["asem_core", *(f"asem_core.{module.name}" for module in iter_modules(asem_core.__path__))]
    public = {room: sorted(getattr(import_module(room), "__all__", [])) for room in rooms}
    seen = {id(resolve_name(name)): name for name in SPECS}
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
            lines += [f"   {line}" for line in _text_of_value(room, name)]
        elif id(value) in seen:
            lines += [f"``{name}``: see `{seen[id(value)]}`.", ""]
        else:
            seen[id(value)] = f"{room}.{name}"
            lines += [f".. {kind}:: {room}.{name}", *([] if kind == "autofunction" else ["   :members:"]), ""]
    return "\n".join(lines)


def _text_of_value(room: str, name: str) -> list[str]:
    """The docstring below the value ``name`` of ``room``, wherever in it that is assigned."""
    for module in [each for each in sys.modules if each == room or each.startswith(f"{room}.")]:
        if name in vars(sys.modules[module]):
            texts = ModuleAnalyzer.for_module(module).find_attr_docs()
            if ("", name) in texts:
                return texts["", name]
    return []


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
