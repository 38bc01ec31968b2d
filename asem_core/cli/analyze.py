"""``asem analyze``: one verb per registered analysis, made from its spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.dask import dask_option, on_workers
from asem_core.cli.options import ALLOW_UNFINISHED, KIND, PATH, PLACE, VOXEL_SIZE
from asem_core.cli.params_options import options_of
from asem_core.cli.progress import progress_bar
from asem_core.errors import PluginError
from asem_core.home import expand

if TYPE_CHECKING:
    import xarray as xr

    from asem_core.registry import Registry
    from asem_core.specs import AnalysisSpec
    from asem_core.volume.kind import Kind


class _Analyses(click.Group):
    """Makes a verb when it is asked for: listing them loads no analysis."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(shared_registry(ctx).analyses)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        return make_command(cmd_name, shared_registry(ctx))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        summaries = [(name, spec.summary) for name, spec in shared_registry(ctx).analyses.items()]
        with formatter.section("Commands"):
            formatter.write_dl(summaries or [("none", "is installed")])

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        raise TypeError("a verb of `asem analyze` is an analysis: register it with asem_register_analyses")


analyze = _Analyses("analyze", help="Measure what was segmented: tables in nm, one row per object.")
"""The verb ``asem analyze``, which has a verb for every registered analysis."""


def make_command(name: str, registry: Registry) -> click.Command:
    """The verb of the analysis ``name``.

    Raises
    ------
    PluginError
        No such analysis, or one whose parameters cannot be options.
    """
    from asem_core.registry import resolve

    spec = registry.analyses[name]
    fixed = [*_inputs(spec), *_common()]
    try:
        own = options_of(resolve(spec.params), beside=fixed)
    except (TypeError, ValueError, NameError) as error:
        plugin = registry.analyses.plugin_of(name)
        raise PluginError(
            f"the parameters of the analysis {name} ({plugin.distribution} {plugin.version}) cannot be options of the "
            f"command line: {error}"
        ) from error

    def run(
        *, objects: str, output: Path, as_json: bool, dask: str | None, others: tuple[str, ...] = (),
        other_kinds: tuple[str, ...] = (), **values: Any,
    ) -> None:  # fmt: skip
        from asem_core.analysis import analyze as measure

        given = {option.name: values.pop(str(option.name)) for option in own}
        with on_workers(dask) as executor, progress_bar() as progress:
            found = measure(
                objects,
                output,
                analysis=spec.name,
                others=_named(others),
                other_kinds=_kinds(other_kinds),
                registry=registry,
                executor=executor,
                progress=progress,
                params={name: value for name, value in given.items() if value is not None},
                **values,
            )
        _print(spec, found, output, as_json=as_json)

    return click.Command(spec.name, callback=run, params=[*_inputs(spec), *own, *_common()], help=_help(spec),
                         short_help=spec.summary)  # fmt: skip


def _inputs(spec: AnalysisSpec) -> list[click.Parameter]:
    known = (*spec.needs, *spec.takes)
    options: list[click.Parameter] = [click.Argument(["objects"], type=PLACE)]
    if "raw" in known:
        options.append(click.Argument(["raw"], type=PLACE, required="raw" in spec.needs))
    if "cell_mask" in known:
        options.append(
            click.Option(
                ["--cell-mask"],
                type=PLACE,
                metavar="MASK",
                required="cell_mask" in spec.needs,
                help="Volume that is not 0 inside the cell, such as `asem mask` makes.",
            )
        )
    if "others" in known:
        options.append(
            click.Option(
                ["--other", "others"],
                metavar="[NAME=]OTHER",
                multiple=True,
                required="others" in spec.needs,
                help="Objects of another organelle; repeat it for several. NAME, by default the file's, "
                "goes into the names of columns.",
            )
        )
        options.append(
            click.Option(
                ["--other-kind", "other_kinds"],
                metavar="NAME=KIND",
                multiple=True,
                help="labels or probabilities: what the OTHER of that name holds, where uint8 data does not say it.",
            )
        )
    return options


def _common() -> list[click.Parameter]:
    return [
        click.Option(["-o", "--output"], type=PATH, required=True, help="Folder to make."),
        click.Option(["--threshold"], type=float, default=0.5, show_default=True,
                     help="A voxel belongs to an object where its probability is at least this."),
        click.Option(["--kind"], type=KIND,
                     help="What OBJECTS hold, where uint8 data does not say it."),
        click.Option(["--voxel-size"], type=VOXEL_SIZE,
                     help="nm, for those inputs that do not state theirs (TIFF folders)."),
        click.Option(["--allow-unfinished"], is_flag=True, help=ALLOW_UNFINISHED),
        dask_option(),
        click.Option(["--overwrite"], is_flag=True,
                     help="Replace OUTPUT if it is an analysis already, with nothing added or edited."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON, and nothing else."),
    ]  # fmt: skip


def _help(spec: AnalysisSpec) -> str:
    inputs = "OBJECTS are labels or probabilities, in any format."
    if spec.needs or spec.takes:
        inputs += " All other volumes are on the same grid; where they are larger they are cut."
    outputs = (
        f"Writes {spec.name}.csv, {spec.name}.zarr (an xarray data set), {spec.name}.parquet (needs pyarrow) and "
        "analysis.json (what was done, and the statistics) into OUTPUT."
    )
    examples = "\n  ".join(("\b\nExamples:", *spec.examples)) if spec.examples else ""
    return f"{spec.summary[:1].upper()}{spec.summary[1:]}.\n\n{inputs} {outputs}\n\n{examples}"


def _named(others: tuple[str, ...]) -> dict[str, str]:
    """``NAME=PATH`` or ``PATH`` by name."""
    found: dict[str, str] = {}
    for text in others:
        name, sign, uri = text.partition("=")
        if not sign or "/" in name:
            name, uri = Path(text).name.partition(".")[0], text
        if not name.isidentifier():
            raise click.UsageError(f"--other {text}: {name!r} cannot name columns; write NAME={uri}, NAME such as er")
        if name in found:
            raise click.UsageError(f"--other {text}: {name} is given twice; write NAME={uri} with another name")
        found[name] = expand(uri)
    return found


def _kinds(texts: tuple[str, ...]) -> dict[str, Kind]:
    """``NAME=KIND`` by name."""
    found: dict[str, Kind] = {}
    for text in texts:
        name, _, kind = text.partition("=")
        if kind not in KIND.choices:
            raise click.UsageError(f"--other-kind {text}: write NAME=labels or NAME=probabilities")
        found[name] = cast("Kind", kind)
    return found


def _print(spec: AnalysisSpec, found: xr.Dataset, output: Path, *, as_json: bool) -> None:
    from asem_core.analysis.run import summary_of
    from asem_core.analysis.tables import NO_PARQUET, has_parquet, to_rows

    rows = to_rows(found)
    if as_json:
        table = json.loads(rows.reset_index().to_json(orient="records"))
        click.echo(json.dumps({"output": str(output), **summary_of(found), "table": table}, indent=2))
        return
    if len(rows):
        click.echo(f"{output}: {len(rows):,} row{'s' if len(rows) > 1 else ''}, one per {rows.index.name}")
    else:
        click.echo(f"{output}: no {rows.index.name} was found; the tables are empty")
    for note in found.attrs.get("notes", []):
        click.echo(f"note: {note}", err=True)
    if not has_parquet():
        click.echo(f"note: {NO_PARQUET}", err=True)
    click.echo(f"see it: asem report {output}")
