"""A local stand-in for S3 that can be made to fail: with 500s and 503s, with silence, slowly."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import attrs

Fault = Literal["403", "500", "503", "silence", "slow"]
SILENCE_S = 6.0
"""Longer than clients in tests wait."""


@attrs.define
class Bucket:
    """The server, and what it does with requests."""

    url: str
    fault: Callable[[int], Fault | None] = lambda _: None
    """What befalls request number n, from 0."""
    seen: list[str] = attrs.field(factory=list)
    """Method and path of every request that was carried out."""
    faults: list[Fault] = attrs.field(factory=list)
    """Those that befell requests."""
    watch: Callable[[str], None] = lambda _: None
    """Told of every request before it is carried out, as in ``seen``."""


@contextmanager
def serve_s3() -> Iterator[Bucket]:
    """Within this context a server without any bucket answers."""
    from moto.moto_api._internal import moto_api_backend
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    app = DomainDispatcherApplication(create_backend_app)
    bucket = Bucket(url="")
    numbers = itertools.count()

    def faulty(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        said = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        fault = bucket.fault(next(numbers))
        if fault is not None:
            bucket.faults.append(fault)
        if fault not in (None, "slow"):  # of what is carried out the server reads the body, once
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if fault in ("403", "500", "503"):
            start(f"{fault} Trouble", [("Content-Type", "application/xml")])
            if environ["REQUEST_METHOD"] == "HEAD":
                return []
            code = {"403": "AccessDenied", "500": "InternalError", "503": "SlowDown"}[fault]
            return [f"<Error><Code>{code}</Code><Message>trouble</Message></Error>".encode()]
        if fault == "silence":
            time.sleep(SILENCE_S)
            start("500 Late", [])
            return [b""]
        if fault == "slow":
            time.sleep(0.1)
        bucket.watch(said)
        bucket.seen.append(said)
        return app(environ, start)

    class Quiet(WSGIRequestHandler):
        def log_request(self, *_: object) -> None:
            pass

    server = make_server("127.0.0.1", 0, faulty, threaded=True, request_handler=Quiet)
    bucket.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        moto_api_backend.reset()  # its buckets are the process's, not the server's


def environment(bucket: Bucket) -> dict[str, str]:
    """Variables by which clients find the server, and nothing else."""
    return {
        "AWS_ENDPOINT_URL": bucket.url, "AWS_ACCESS_KEY_ID": "owner", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }  # fmt: skip
