"""A zoo on a port of this machine, for a lab: read-only, models by id, of which the newest is given, or ``ID@VERSION``.

::

    /collection.json                            /            the gallery
    /models/<id>.zip       /models/<id>/rdf.yaml             the highest version
    /models/<id>@<version>.zip   /models/<id>@<version>/...  that one
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from asem_core.errors import AsemError, ModelError, OutputError
from asem_core.zoo.site.collection import COLLECTION, MODELS, find_offered
from asem_core.zoo.site.gallery import INDEX


def serve(zoo: Path, *, host: str, port: int, started: Callable[[str], None]) -> None:
    """Answer requests until the process is stopped.

    Parameters
    ----------
    zoo
        Folder that `asem zoo push` or `asem zoo build` made; what is pushed to it while it is served is there at once.
    host
        Address to listen at: ``127.0.0.1`` for this machine only, ``0.0.0.0`` for all who reach it.
    port
        0: any that is free.
    started
        Told the address once requests are answered.

    Raises
    ------
    ModelError
        ``zoo`` is none.
    OutputError
        The port is taken, or may not be used.
    AsemError
        aiohttp is not installed.
    """
    if not (zoo / COLLECTION).is_file():
        raise ModelError(f"{zoo} is no zoo: make one with `asem zoo push` or `asem zoo build`")
    try:
        import aiohttp.web  # noqa: F401
    except ImportError as error:
        raise AsemError(f"serving a zoo needs aiohttp ({error}): pip install 'asem-core[http]'") from None
    try:
        asyncio.run(_serve(zoo, host, port, started))
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{host}:{port} cannot be listened at: {reason}; give another --port or --host") from error


async def _serve(zoo: Path, host: str, port: int, started: Callable[[str], None]) -> None:
    from aiohttp import web

    async def answer(request: web.Request) -> web.FileResponse:
        file = file_of(zoo, request.match_info["path"])
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        started(f"http://{host}:{runner.addresses[0][1]}")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def file_of(zoo: Path, path: str) -> Path | None:
    """The file of ``zoo`` at the address ``path``; None where nobody may have it, or there is none."""
    first, _, below = path.partition("/")
    if first == MODELS:
        path = _placed(zoo, below)
    elif not path:
        path = INDEX
    parts = path.split("/")
    if any(part in ("", "..") or part.startswith(".") for part in parts):
        return None
    file = zoo.joinpath(*parts)
    return file if file.is_file() and file.resolve().is_relative_to(zoo.resolve()) else None


def _placed(zoo: Path, below: str) -> str:
    """Where what is asked for below ``models/`` lies; empty: the zoo offers no such model."""
    name, slash, rest = below.partition("/")
    zipped = not slash and name.endswith(".zip")
    try:
        offered = find_offered(name.removesuffix(".zip") if zipped else name, zoo)
    except AsemError:
        return ""
    return offered.zip if zipped else f"{PurePosixPath(offered.zip).with_suffix('')}/{rest}"
