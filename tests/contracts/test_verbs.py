"""A plugin adds verbs; it takes, changes and removes none."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import click
import importlib_metadata
import pytest
from click.testing import CliRunner

from asem_core.cli.main import command_line, main
from asem_core.registry import Registry

from .toys import Point, plugin, raising


def verb(name: str, **values: Any) -> click.Command:
    return click.Command(name, callback=lambda: click.echo(f"{name} of a plugin"), **values)


def group(name: str, *verbs: click.Command) -> click.Group:
    return click.Group(name, commands={v.name or "": v for v in verbs})


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[click.Group, Registry]]:
    """``start(a=hook)``: the command line of core and of plugins whose `asem_register_commands` is ``hook``."""

    def with_plugins(**hooks: Callable[..., None]) -> tuple[click.Group, Registry]:
        points = [
            Point(name, lambda hook=hook: plugin(asem_register_commands=lambda cli: hook(cli)), f"lab-{name}")
            for name, hook in hooks.items()
        ]
        monkeypatch.setattr(importlib_metadata, "entry_points", lambda group: points)
        return command_line()

    return with_plugins


def tree(command: click.Command) -> Any:
    """Every verb with its callback and its options, by name."""
    below = {n: tree(c) for n, c in command.commands.items()} if isinstance(command, click.Group) else {}
    return command.callback, command.help, list(command.params), below


def errors(registry: Registry) -> dict[str, str]:
    return {p.name: p.error for p in registry.checked() if p.error is not None}


def add_all(cli: click.Group) -> None:
    cli.add_command(verb("toy"))
    cli.add_command(group("toys", verb("one"), verb("two")))
    cli.commands["labels"].add_command(verb("invent"))


def test_a_good_plugin_adds_verbs_at_the_top_and_in_groups(start: Any) -> None:
    asem, registry = start(good=add_all)
    assert errors(registry) == {}
    for words in (["toy"], ["toys", "two"], ["labels", "invent"]):
        assert CliRunner().invoke(asem, words, obj=registry).output == f"{words[-1]} of a plugin\n"
    assert "toys" in CliRunner().invoke(asem, ["--help"], obj=registry).output
    assert {"simulate", "toy"}.isdisjoint(start()[0].commands), "nothing stays from one command line to the next"
    assert "invent" not in start()[0].commands["labels"].commands


class FailingHelp(click.Command):
    def get_short_help_str(self, limit: int = 45) -> str:
        raise RuntimeError("no help")


def wrong_callback(cli: Any) -> None:
    cli.commands["segment"].callback = lambda **_: None


def more_options(cli: Any) -> None:
    cli.commands["segment"].params.append(click.Option(["--fast"]))


def intercept(cli: Any) -> None:
    cli.invoke = lambda ctx: None


WRONG: dict[str, tuple[Callable[[Any], object], str]] = {
    "a core verb, added again": (
        lambda cli: cli.add_command(verb("segment")),
        "the verb `asem segment` exists already, and a plugin cannot replace it",
    ),
    "a core verb, in the table": (
        lambda cli: cli.commands.update(segment=verb("segment")), "the verb `asem segment` exists already",
    ),
    "a verb of a core group": (
        lambda cli: cli.commands["labels"].add_command(verb("prepare")), "the verb `asem labels prepare` exists",
    ),
    "a core group": (lambda cli: cli.add_command(group("zoo")), "the verb `asem zoo` exists already"),
    "the listing of plugins": (
        lambda cli: cli.commands["plugins"].add_command(verb("list")), "the verb `asem plugins list` exists already",
    ),
    "a verb removed": (lambda cli: cli.commands.pop("verify"), "it removes the verb `asem verify`"),
    "all verbs removed": (lambda cli: cli.commands.clear(), "it removes the verb `asem "),
    "another table": (lambda cli: setattr(cli, "commands", {}), "it removes the verb `asem "),
    "no table": (lambda cli: delattr(cli, "commands"), "it removes the verb `asem "),
    "a core verb does something else": (wrong_callback, r"it changes the verb `asem segment` \(callback\)"),
    "a core verb has more options": (more_options, r"it changes the verb `asem segment` \(params\)"),
    "every verb goes past it": (intercept, r"it changes the verb `asem` \(invoke\)"),
    "no command": (lambda cli: cli.commands.update(toy=5), "the verb `asem toy` is a int, expected a click command"),
    "a name with spaces": (lambda cli: cli.commands.update({"a b": verb("a")}), "'a b' cannot be the name of a verb"),
    "a help that fails": (lambda cli: cli.add_command(FailingHelp("toy")), "RuntimeError: no help"),
    "an analysis as a verb": (
        lambda cli: cli.commands["analyze"].add_command(verb("toy")), "register it with asem_register_analyses",
    ),
    "raises": (lambda cli: raising(OSError("no net"))(), "OSError: no net"),
    "exits": (lambda cli: raising(SystemExit(1))(), "SystemExit: 1"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_plugin_that_breaks_its_side_adds_nothing_and_is_listed(start: Any, fault: str) -> None:
    does, says = WRONG[fault]

    def hook(cli: Any) -> None:
        cli.add_command(verb("before"))
        cli.commands["labels"].add_command(verb("before"))
        does(cli)

    alone = start()[0]
    expected = tree(alone)
    asem, registry = start(wrong=hook)
    assert tree(asem) == expected
    assert list(asem.commands) == list(alone.commands)
    error = errors(registry)["wrong"]
    assert error.startswith("asem_register_commands: ")
    assert re.search(says, error), error


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_of_two_plugins_with_one_verb_the_first_by_name_has_it(start: Any, order: tuple[str, str]) -> None:
    hooks = {name: lambda cli, name=name: cli.add_command(verb("toy", help=name)) for name in order}
    asem, registry = start(**hooks)
    assert asem.commands["toy"].help == "a"
    assert errors(registry) == {
        "b": "asem_register_commands: ValueError: the verb `asem toy` exists already, and a plugin cannot replace it"
    }


def test_others_add_their_verbs_all_the_same(start: Any) -> None:
    asem, _ = start(a=lambda cli: cli.add_command(verb("one")), b=lambda cli: raising(ValueError())(), c=add_all)
    assert {"one", "toy", "toys"} <= set(asem.commands)


def test_a_verb_that_is_missed_names_the_broken_plugin(
    start: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start(toys=lambda cli: [cli.add_command(verb("toy")), cli.add_command(verb("segment"))])
    monkeypatch.setattr(sys, "argv", ["asem", "toy"])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert "No such command 'toy'" in (said := capsys.readouterr().err)
    assert "the plugin 'toys' (lab-toys) is broken: asem_register_commands: ValueError: the verb `asem segment`" in said
