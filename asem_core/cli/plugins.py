"""``asem plugins``: what is installed, and what is broken."""

from __future__ import annotations

import json

import attrs
import click

from asem_core.cli.context import shared_registry
from asem_core.errors import PluginError
from asem_core.plugins import PluginRecord


@click.group()
def plugins() -> None:
    """Show the installed plugins."""


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
    rows += [(p.name, p.distribution, p.version, _state(p)) for p in plugins]
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
    click.echo(f"{name}: {plugin.distribution} {plugin.version}, {_state(plugin)}")
    for kind, texts in provides.items():
        for key, text in texts.items():
            click.echo(f"{kind} {key}: {text}")


def _state(plugin: PluginRecord) -> str:
    return "ok" if plugin.error is None else f"broken: {plugin.error}"
