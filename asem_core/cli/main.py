"""The command ``asem``: a group of verbs, one thin file each; plugins add theirs through `asem_register_commands`."""

from __future__ import annotations

import logging
import sys

import click

from asem_core.cli.signals import Stopped, heed_signals
from asem_core.cli.streams import fail, open_missing_streams
from asem_core.errors import AsemError

log = logging.getLogger(__name__)


class Verbs(click.Group):
    """Lists verbs in data-flow order and turns `AsemError` into one line and its exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="asem-core", prog_name="asem")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens.")
def cli(verbose: bool) -> None:
    """Segment organelles in volume electron microscopy and measure them."""
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(message)s")
    # It logs what we raise as one line.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def register() -> click.Group:
    """Add core's verbs and those of the installed plugins."""
    from asem_core.cli import (
        analyze,
        convert,
        datasets,
        evaluate,
        info,
        labels,
        mask,
        organelles,
        output,
        plugins,
        preprocess,
        report,
        segment,
        train,
        zoo,
    )
    from asem_core.plugins import make_manager
    from asem_core.registry import Registry

    plugins_found = make_manager()
    for command in (
        datasets.datasets, convert.convert, info.info, preprocess.preprocess, mask.mask, labels.labels,
        train.train, segment.segment, output.status, output.verify, evaluate.evaluate,
        analyze.make_group(Registry(plugins_found)), report.report, organelles.organelles, zoo.zoo, plugins.plugins,
    ):  # fmt: skip
        cli.add_command(command)
    for implementation in plugins_found.manager.hook.asem_register_commands.get_hookimpls():
        try:
            implementation.function(cli=cli)
        except Exception as error:  # one plugin's commands must not take the others down
            log.warning("the plugin %s cannot add its commands: %s", implementation.plugin_name, error)
    return cli


def main() -> None:
    """Entry point of the console script."""
    open_missing_streams()
    heed_signals()
    try:
        register()(standalone_mode=False)
    except AsemError as error:
        fail(str(error), error.exit_code)
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "asem"
        fail(f"{error.format_message()} (see `{command} --help`)", 2)
    except click.Abort:  # a question was not answered
        fail("stopped", 1)
    except OSError as error:
        log.info("where it happened", exc_info=True)
        fail(str(error), 2)
    except Stopped as stopped:
        stopped.say()
        sys.exit(stopped.exit_code)
