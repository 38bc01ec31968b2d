"""neuroglancer's client and the files of layers on 127.0.0.1, for whoever knows the token.

Answers what a client of Zarr asks: ranges (``a-b``, ``a-``, ``-n``), HEAD and OPTIONS, with CORS. Nothing outside of
what was named is served, whatever the path says, and through no link.
"""

from __future__ import annotations

import mimetypes
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
from asem_view.page import CLIENT, PAGE, client_folder

DATA = "data"
"""Folder of what is shown, from the root of what is served."""
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_NAME = re.compile(r"[^/\0\\]+")
_BYTES = "application/octet-stream"
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

    def _answer(self, *, body: bool) -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.split("/")[1:]]
        known = secrets.compare_digest(parts[0].encode(), self._token.encode())
        if known and "/".join(parts[1:]) == f"{CLIENT}/{PAGE}":
            self._send(HTTPStatus.OK, {"Content-Type": "text/html; charset=utf-8"}, self._page, body=body)
            return
        place = self._find(parts[1:]) if known else None
        size = None if place is None else size_of(place)
        if place is None or size is None:
            self._send(HTTPStatus.NOT_FOUND, {}, b"", body=body)
            return
        asked = self.headers.get("Range")
        part = range(size) if asked is None else part_of(asked, size)
        about = {"Accept-Ranges": "bytes", "Content-Type": mimetypes.guess_type(place.name)[0] or _BYTES}
        status = HTTPStatus.OK
        if asked is not None:
            status = HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            about["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}" if part else f"bytes */{size}"
        self._send(status, about, read_part(place, part) if body and part else part, body=body)

    def _send(self, status: HTTPStatus, about: Mapping[str, str], content: bytes | range, *, body: bool) -> None:
        self._head(status, {**about, "Content-Length": str(len(content))})
        if body and isinstance(content, bytes):
            with suppress(ConnectionError):  # the client has moved on
                self.wfile.write(content)

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


def part_of(asked: str, size: int) -> range:
    """The bytes of a file of ``size`` bytes that the header ``Range`` asks for; none where they do not exist.

    >>> part_of("bytes=2-4", 10), part_of("bytes=7-", 10), part_of("bytes=-3", 10), part_of("bytes=10-", 10)
    (range(2, 5), range(7, 10), range(7, 10), range(0, 0))
    """
    found = _RANGE.fullmatch(asked)
    first, last = found.groups() if found else ("", "")
    if first:
        start, stop = int(first), min(int(last) + 1 if last else size, size)
    else:
        start, stop = max(0, size - int(last or 0)), size
    return range(start, stop) if start < stop else range(0)


def size_of(place: Location) -> int | None:
    """Bytes of the file at ``place``; None where there is none."""
    if isinstance(place, Path):
        return place.stat().st_size if place.is_file() else None
    try:
        about = place.fs.info(place.path)
    except OSError:
        return None
    return int(about["size"]) if about.get("type") == "file" and about.get("size") is not None else None


def read_part(place: Location, part: range) -> bytes:
    """The bytes ``part`` of the file at ``place``."""
    if isinstance(place, Path):
        with place.open("rb") as file:
            file.seek(part.start)
            return file.read(len(part))
    return bytes(place.fs.cat_file(place.path, start=part.start, end=part.stop))
