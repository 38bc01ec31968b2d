"""neuroglancer's client and the files of layers on 127.0.0.1, for whoever knows the token.

Answers what a client of Zarr asks: ranges (``a-b``, ``a-``, ``-n``), HEAD and OPTIONS, with CORS. Nothing outside of
what was named is served, whatever the path says, and through no link.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from asem_core.volume import Location, locate
from asem_view.files import ABSENT, Answer, answer_for
from asem_view.page import CLIENT, PAGE, client_folder

DATA = "data"
"""Folder of what is shown, from the root of what is served."""
_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"[^/\0\\]+")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Range",
    "Access-Control-Expose-Headers": "Content-Range, Content-Length, Accept-Ranges",
}


class Server:
    """Serves a page, the client's files beside it, and folders, until it is closed.

    Parameters
    ----------
    page
        `asem_view.page.render_page`.
    folders
        Addresses, local or remote, by the name that stands for each below ``data/``.
    port
        0: any that is free.
    """

    def __init__(self, page: str, folders: Mapping[str, str], *, port: int = 0) -> None:
        token = secrets.token_urlsafe(16)
        places = {name: locate(address) for name, address in folders.items()}
        self._http = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, token, page.encode(), places))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/{token}/{CLIENT}/{PAGE}"

    def close(self) -> None:
        """Serve no longer."""
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Head and body are two packets, and the second one would wait for the receipt of the first."""

    def __init__(self, token: str, page: bytes, places: Mapping[str, Location], *args: Any) -> None:
        self._token, self._page, self._places = token, page, places
        super().__init__(*args)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_OPTIONS(self) -> None:
        self._head(HTTPStatus.NO_CONTENT, {})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""

    def handle(self) -> None:
        """Requests of one connection, until somebody ends it; a browser does where it needs an answer no longer."""
        with suppress(ConnectionError):
            super().handle()

    def _answer(self, *, body: bool) -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.split("/")[1:]]
        known = secrets.compare_digest(parts[0].encode(), self._token.encode())
        if known and "/".join(parts[1:]) == f"{CLIENT}/{PAGE}":
            about = {"Content-Type": "text/html; charset=utf-8"}
            self._send(Answer(status=HTTPStatus.OK, about=about, content=self._page, length=len(self._page)), body=body)
            return
        place = self._find(parts[1:]) if known else None
        try:
            answer = ABSENT if place is None else answer_for(place, self.headers.get("Range"), body=body)
        except Exception as problem:  # every client of a bucket has its own kinds
            _LOG.warning("the browser is not given %s: %s", place, problem)
            answer = Answer(status=HTTPStatus.BAD_GATEWAY, length=0)
        self._send(answer, body=body)

    def _send(self, answer: Answer, *, body: bool) -> None:
        self._head(answer.status, {**answer.about, "Content-Length": str(answer.length)})
        if body:
            self.wfile.write(answer.content)

    def _head(self, status: HTTPStatus, about: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**_CORS, **about}.items():
            self.send_header(name, value)
        self.end_headers()

    def _find(self, parts: Sequence[str]) -> Location | None:
        """The file below the token that is asked for; None where nobody may have it."""
        if any(not _NAME.fullmatch(part) or part == ".." for part in parts):
            return None
        client = CLIENT.split("/")
        root: Location
        if parts[: len(client)] == client:
            root, rest = client_folder(), parts[len(client) :]
        elif parts[0] == DATA and len(parts) > 1 and parts[1] in self._places:
            root, rest = self._places[parts[1]], parts[2:]
        else:
            return None
        place = root.joinpath(*rest)
        if isinstance(root, Path) and isinstance(place, Path) and not place.resolve().is_relative_to(root.resolve()):
            return None
        return place
