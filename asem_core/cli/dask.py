"""``--dask``: an option of every verb whose blocks can run on other machines."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from asem_core.cli.options import PLACE

if TYPE_CHECKING:
    from asem_core.cluster import Dask

_SETTINGS: dict[str, Any] = {
    "type": PLACE,
    "metavar": "WHERE",
    "help": "Blocks run on Dask workers (docs/cluster.md): local:N, tcp://HOST:PORT, the scheduler's FILE.json, or a "
    "FILE.yaml of a queue.",
}


DASK = click.option("--dask", **_SETTINGS)
"""As a decorator; the verb hands its ``dask`` to `on_workers`."""


def dask_option() -> click.Option:
    """The same for a command that is made of options."""
    return click.Option(["--dask"], **_SETTINGS)


@contextmanager
def on_workers(dask: str | None) -> Iterator[Dask | None]:
    """What to hand to the library as ``executor``; said at the end is what was done on it. None: on this machine."""
    if dask is None:
        yield None
        return
    from asem_core.cluster import connect

    with suppress(ImportError):  # which `connect` explains
        import distributed

        # It tells at length of every connection that is opened and closed.
        logging.getLogger(distributed.__name__).setLevel(max(logging.WARNING, logging.getLogger().level))
    with connect(dask) as executor:
        link = executor.client.dashboard_link
        click.echo(f"{executor.width} workers; Dask's dashboard: {link}", err=True)
        try:
            yield executor
        finally:
            click.echo(f"{executor.summary}", err=True)
