"""``asem plugins``: what is installed, and what is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FILE, PATH, PLACE
from asem_core.errors import PluginError
from asem_core.template import KINDS

if TYPE_CHECKING:
    from asem_core.registry import Registry
    from asem_core.testing import Sample


@click.group()
def plugins() -> None:
    """Show, check and begin plugins."""


@plugins.command("list", epilog="Example: asem plugins list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def list_(*, as_json: bool) -> None:
    """List every plugin with its distribution, version and state.

    Every hook is called and everything that it registers is looked at; a plugin of which something does not work is
    broken, and the list says why. What works of it can be used.
    """
    plugins = shared_registry().checked()
    if as_json:
        click.echo(json.dumps([attrs.asdict(plugin) for plugin in plugins], indent=2))
        return
    rows = [("plugin", "distribution", "version", "state")]
    rows += [(p.name, p.distribution, p.version, p.state) for p in plugins]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        click.echo("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]))


@plugins.command(epilog="Example: asem plugins show mito")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def show(name: str, *, as_json: bool) -> None:
    """Show what the plugin NAME registers."""
    registry = shared_registry()
    found = {plugin.name: plugin for plugin in reversed(registry.checked())}
    if name not in found:
        raise PluginError(f"unknown plugin {name!r}; installed: {', '.join(reversed(found))}")
    plugin = found[name]
    provides = {
        kind: {key: str(getattr(spec, "summary", "") or getattr(spec, "title", "")) for key, spec in specs.items()}
        for kind, specs in registry.of_plugin(name).items()
    }
    if as_json:
        click.echo(json.dumps({**attrs.asdict(plugin), "provides": provides}, indent=2))
        return
    click.echo(f"{name}: {plugin.distribution} {plugin.version}, {plugin.state}")
    for kind, texts in provides.items():
        for key, text in texts.items():
            click.echo(f"{kind} {key}: {text}")


@plugins.command()
@click.argument("name")
@click.option("--volume", type=PLACE, help="A volume that a reader of the plugin opens, to try it on.")
@click.option("--wheel", type=FILE, help="The plugin's wheel, to look into as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def check(name: str, *, volume: str | None, wheel: Path | None, as_json: bool) -> None:
    """Hold the plugin NAME against all that ASEM expects of one: what each kind must do is in docs/publish-a-plugin.md.

    Everything that it registers is tried on small volumes; models run their own tests. Prints one line per check.

    \b
    Examples:
      asem plugins check lysosome
      asem plugins check lysosome --wheel dist/asem_organelle_lysosome-0.1.0-py3-none-any.whl
      asem plugins check czi --volume cell.czi
    """
    from asem_core.testing import plugin_checks, wheel_checks

    registry = shared_registry()
    samples = {} if volume is None else _samples(name, volume, registry)
    checks = [*plugin_checks(name, registry=registry, samples=samples)]
    if wheel is not None:
        checks += wheel_checks(wheel, plugin=name, registry=registry)
    findings = []
    for each in checks:
        findings.append(each.perform())
        if not as_json:
            click.echo(str(findings[-1]))
    if as_json:
        click.echo(json.dumps([{**attrs.asdict(f), "state": f.state} for f in findings], indent=2))
    failed = sum(finding.state == "failed" for finding in findings)
    if failed:
        raise PluginError(f"{name}: {failed} of {len(findings)} checks failed, see above")


def _samples(name: str, volume: str, registry: Registry) -> dict[str, Callable[[Path], Sample]]:
    """``volume``, for the readers of the plugin ``name`` that accept it."""
    from asem_core.registry import resolve
    from asem_core.testing import Sample

    readers = registry.of_plugin(name).get("reader", {})
    accepting = [reader for reader, spec in readers.items() if resolve(spec.accepts)(volume)]
    if not accepting:
        raise PluginError(f"no reader of {name} accepts {volume}; it has: {', '.join(readers) or 'none'}")
    return dict.fromkeys(accepting, lambda _: Sample(uri=volume))


@plugins.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("-o", "--output", type=PATH, metavar="FOLDER", help="To make.  [default: asem-KIND-NAME]")
def new(kind: str, name: str, *, output: Path | None) -> None:
    """Begin a plugin: a repository that works at once, with tests, a CI workflow and a licence.

    What it does is an example; replace it, most of all what says EDIT. docs/publish-a-plugin.md goes on from there.

    \b
    Examples:
      asem plugins new organelle lysosome
      asem plugins new analysis tortuosity -o ~/plugins/tortuosity
    """
    from asem_core.template import new_plugin
    from asem_core.template.write import entry_point

    folder = new_plugin(kind, name, folder=output)
    click.echo(
        f"{folder}: pip install -e '{folder}[test]', then pytest {folder}, or "
        f"asem plugins check {entry_point(kind, name)}"
    )
