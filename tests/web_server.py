"""A web server on a folder, as strict or as broken as a test wants it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Server(ThreadingHTTPServer):
    """Serves files, knows ranges, lists no folder; ``url`` is its address."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[str] = []
        """Paths that were asked for."""
        self.ranges: list[str | None] = []
        """What was asked for of them, as ``bytes=0-9``; None: all."""
        self.status: int | None = None
        """Answers this error instead."""
        self.page: bytes | None = None
        """Sent with status 200 in place of what is not there."""
        self.knows_ranges = True
        self.hangs_up_after: int | None = None
        """Answers to requests of ranges before it hangs up on one."""

    @property
    def starts(self) -> list[int]:
        """First bytes of the ranges that were asked for."""
        return [int(span.removeprefix("bytes=").partition("-")[0]) for span in self.ranges if span]


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Serve ``folder`` on a free port of this machine."""
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        span = self.headers.get("Range")
        self.server.requests.append(self.path)
        self.server.ranges.append(span)
        if self.server.status:
            self.send_error(self.server.status)
        elif self.server.page is not None and not Path(self.translate_path(self.path)).is_file():
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.page)))
            self.end_headers()
            self.wfile.write(self.server.page)
        elif span is None or not self.server.knows_ranges:
            super().do_GET()
        elif self.server.hangs_up_after is not None and len(self.server.starts) > self.server.hangs_up_after:
            self.connection.close()
        else:
            self._send(span)

    def _send(self, span: str) -> None:
        start, _, stop = span.removeprefix("bytes=").partition("-")
        content = Path(self.translate_path(self.path)).read_bytes()
        part = content[int(start) : int(stop) + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{stop}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def list_directory(self, path: object) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass
