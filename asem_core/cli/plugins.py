"""``asem plugins``: what is installed, and what is broken."""

from __future__ import annotations

import json
from typing import Any

import click


@click.group()
def plugins() -> None:
    """Show the installed plugins."""


@plugins.command("list", epilog="Example: asem plugins list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def list_(*, as_json: bool) -> None:
    """List every plugin with its distribution, version and state."""
    from rich.console import Console
    from rich.table import Table

    from asem_core.registry import make_registry

    loaded = make_registry().plugins.loaded
    if as_json:
        rows = [
            {"name": p.name, "distribution": p.distribution, "version": p.version, "error": p.error} for p in loaded
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("plugin", "distribution", "version", "state", box=None, pad_edge=False)
    for plugin in loaded:
        state = "ok" if plugin.error is None else f"broken: {plugin.error}"
        table.add_row(plugin.name, plugin.distribution, plugin.version, state)
    Console().print(table)


@plugins.command(epilog="Example: asem plugins show mito")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def show(name: str, *, as_json: bool) -> None:
    """Show what the plugin NAME registers."""
    from asem_core.errors import PluginError
    from asem_core.registry import make_registry

    registry = make_registry()
    found = [plugin for plugin in registry.plugins.loaded if plugin.name == name]
    if not found:
        there = ", ".join(plugin.name for plugin in registry.plugins.loaded)
        raise PluginError(f"unknown plugin {name!r}; installed: {there}")
    plugin = found[0]
    provides: dict[str, Any] = registry.of_plugin(name) if plugin.error is None else {}
    if as_json:
        values = {"name": name, "distribution": plugin.distribution, "version": plugin.version, "error": plugin.error}
        click.echo(json.dumps({**values, "provides": provides}, indent=2))
        return
    click.echo(f"{name}: {plugin.distribution} {plugin.version}")
    if plugin.error is not None:
        click.echo(f"broken: {plugin.error}")
    for kind, names in provides.items():
        click.echo(f"{kind}: {', '.join(names)}")
