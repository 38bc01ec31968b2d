"""A page as Chromium draws it, without a window; asked through its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from asem_core.errors import AsemError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = (
    "--headless", "--no-sandbox", "--hide-scrollbars", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--remote-debugging-port=0",
)  # fmt: skip
_PATIENCE_S = 120.0
_POLL_S = 0.25
_READY = "Boolean(window.viewer && viewer.isReady())"


def photograph(address: str, *, size: tuple[int, int]) -> bytes:
    """The page at ``address`` as PNG, as soon as neuroglancer says that all of it is there.

    Raises
    ------
    AsemError
        There is no browser, it does not start, or the page is not complete within two minutes.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise AsemError("a picture needs Chromium or Chrome (apt-get install chromium); without: asem view PATH...")
    with _running(browser, size) as tab:
        return asyncio.run(_photograph(tab, address))


@contextmanager
def _running(browser: str, size: tuple[int, int]) -> Iterator[str]:
    """The address at which a tab of ``browser`` is asked things."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, *_OPTIONS, f"--user-data-dir={profile}", "--window-size={},{}".format(*size), "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            port = next((m[1] for line in process.stderr or () if (m := re.search(r"ws://[^:]+:(\d+)/", line))), None)
            if port is None:
                raise AsemError(f"{browser} does not start")
            with urlopen(f"http://127.0.0.1:{port}/json") as found:
                tabs = json.load(found)
            yield next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
        finally:
            process.kill()
            process.communicate()


async def _photograph(tab: str, address: str) -> bytes:
    from tornado.websocket import websocket_connect

    socket = await websocket_connect(tab, max_message_size=2**28)
    number = 0

    async def ask(method: str, **values: Any) -> dict[str, Any]:
        nonlocal number
        number += 1
        await socket.write_message(json.dumps({"id": number, "method": method, "params": values}))
        while True:
            told = json.loads(await socket.read_message() or "{}")
            if told.get("id") == number:
                return dict(told.get("result", {}))

    try:
        await ask("Page.navigate", url=address)
        began = time.monotonic()
        while not (await ask("Runtime.evaluate", expression=_READY)).get("result", {}).get("value"):
            if time.monotonic() - began > _PATIENCE_S:
                raise AsemError(f"the page is not complete after {_PATIENCE_S:.0f} s")
            await asyncio.sleep(_POLL_S)
        return base64.b64decode((await ask("Page.captureScreenshot", format="png"))["data"])
    finally:
        socket.close()
        while await socket.read_message() is not None:
            pass
