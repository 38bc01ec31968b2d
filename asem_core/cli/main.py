"""The command ``asem``: a group of verbs, one thin file each; plugins add theirs through `asem_register_commands`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from copy import copy
from typing import Any

import click

from asem_core.cli.signals import Stopped, heed_signals
from asem_core.cli.streams import fail, open_missing_streams
from asem_core.cli.verbs import add_verbs, with_own_tables
from asem_core.errors import AsemError
from asem_core.plugins import make_manager
from asem_core.registry import Registry, said_of

log = logging.getLogger(__name__)

_SENTENCE = 400
"""Characters; click cuts what is longer."""


class Verbs(click.Group):
    """Lists verbs in data-flow order and turns `AsemError` into one line and its exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Like click's, with the first sentence of every verb whole."""
        shown = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, verb.get_short_help_str(_SENTENCE)) for name, verb in shown.items() if verb and not verb.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="asem-core", prog_name="asem")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens.")
def cli(verbose: bool) -> None:
    """Segment organelles in volume electron microscopy and measure them."""
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(message)s")
    # They log what we raise as one line.
    for library in ("tifffile", "gcsfs", "azure"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


def command_line(entry_points: Iterable[Any] | None = None) -> tuple[click.Group, Registry]:
    """The command ``asem`` with core's verbs and those of plugins, which are loaded here only.

    ``entry_points``: of the plugins, by default those that are installed.
    """
    from asem_core.cli import (
        adapt,
        analyze,
        convert,
        datasets,
        doctor,
        evaluate,
        finetune,
        info,
        instances,
        labels,
        mask,
        organelles,
        output,
        plugins,
        preprocess,
        report,
        run,
        segment,
        train,
        zoo,
    )

    root: click.Group = copy(cli)
    root.commands = {}
    for command in (
        datasets.datasets,
        convert.convert,
        info.info,
        preprocess.preprocess,
        mask.mask,
        labels.labels,
        train.train,
        finetune.finetune,
        adapt.adapt,
        segment.segment,
        instances.instances,
        output.status,
        output.verify,
        evaluate.evaluate,
        analyze.analyze,
        report.report,
        run.run,
        organelles.organelles,
        zoo.zoo,
        plugins.plugins,
        doctor.doctor,
    ):
        root.add_command(command)
    root = with_own_tables(root)
    return root, Registry(add_verbs(root, make_manager(entry_points)))


def main() -> None:
    """Entry point of the console script."""
    open_missing_streams()
    heed_signals()
    try:
        asem, registry = command_line()
        asem(obj=registry, standalone_mode=False)
    except AsemError as error:
        fail(str(error), error.exit_code)
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "asem"
        text = error.format_message()
        if text.startswith("No such command"):
            text += said_of([*registry.plugins.broken, *registry.plugins.refused])
        fail(f"{text} (see `{command} --help`)", 2)
    except click.Abort:  # a question was not answered
        fail("stopped", 1)
    except OSError as error:
        log.info("where it happened", exc_info=True)
        fail(str(error), 2)
    except Stopped as stopped:
        stopped.say()
        sys.exit(stopped.exit_code)
