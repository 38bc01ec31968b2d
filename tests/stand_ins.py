"""Local stand-ins for the object storage of Google and of Azure, where they are installed (``make test-buckets``)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import ThreadingHTTPServer
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

BUCKET = "cells"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""What Azurite's documentation gives: no secret."""


@attrs.define
class Store:
    """A server with an empty bucket, `BUCKET`."""

    scheme: str
    environment: dict[str, str]
    """Variables by which clients find the server."""
    faults: list[tuple[int, str]] = attrs.field(factory=list)
    """Statuses, with a message, that Google's answers the next requests with."""

    def url(self, name: str) -> str:
        """The address of ``name``."""
        return f"{self.scheme}://{BUCKET}/{name}"


def azurite() -> str | None:
    """Where Azurite is: in the environment of this Python, or on the path."""
    own = Path(sys.prefix) / "azurite/node_modules/.bin/azurite-blob"
    return str(own) if own.exists() else shutil.which("azurite-blob")


def missing(scheme: str) -> str | None:
    """What is not installed here that tests of ``scheme`` need."""
    needed = {"gs": ("gcsfs", "gcp_storage_emulator"), "az": ("adlfs",)}[scheme]
    absent = [name for name in needed if find_spec(name) is None]
    if scheme == "az" and azurite() is None:
        absent.append("azurite")
    return f"{', '.join(absent)}: not installed, see `make test-buckets`" if absent else None


@contextmanager
def serve(scheme: str) -> Iterator[Store]:
    """Within this context the stand-in of ``scheme`` answers; the test is skipped where it is not installed."""
    absent = missing(scheme)
    if absent is not None:
        pytest.skip(absent)
    servers: dict[str, Callable[[], AbstractContextManager[Store]]] = {"gs": _google, "az": _azure}
    with servers[scheme]() as found:
        yield found


@contextmanager
def _google() -> Iterator[Store]:
    from gcp_storage_emulator.exceptions import NotFound
    from gcp_storage_emulator.handlers.buckets import create_bucket
    from gcp_storage_emulator.server import RequestHandler
    from gcp_storage_emulator.storage import Storage

    storage, at_once = Storage(use_memory_fs=True), threading.Lock()
    create_bucket(BUCKET, storage)
    store = Store("gs", {})

    class Handler(RequestHandler):  # type: ignore[misc]  # it has no types
        """The emulator's, which knows no conditions, with the one that we set, and with faults."""

        def __init__(self, *words: object) -> None:
            super().__init__(storage, *words)

        def handle_one_request(self) -> None:
            with at_once:
                super().handle_one_request()

        def log_message(self, *_: object) -> None:
            pass

        def parse_request(self) -> bool:
            if not super().parse_request():
                return False
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.rfile = BytesIO(body)
            if store.faults:
                return self._refuse(*store.faults.pop(0))
            if parse_qs(urlsplit(self.path).query).get("ifGenerationMatch") == ["0"] and _is_there(body):
                return self._refuse(412, "conditionNotMet")
            return True

        def _refuse(self, status: int, message: str) -> bool:
            content = json.dumps({"error": {"code": status, "message": message}}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return False

    def _is_there(body: bytes) -> bool:
        found = re.search(rb'"name": ("[^"]*")', body)
        assert found is not None
        try:
            storage.get_file_obj(BUCKET, json.loads(found[1]))
        except NotFound:
            return False
        return True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    store.environment = {
        "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{server.server_port}", "NO_GCE_CHECK": "true",
        "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere", "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
    }  # fmt: skip
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _azure() -> Iterator[Store]:
    from azure.storage.blob import BlobServiceClient

    program = azurite()
    assert program is not None
    words = ["--blobPort", "0", "--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
    server = subprocess.Popen([program, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = next(line.split()[-1] for line in server.stdout if "successfully listens on" in line)
        connection = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={url}/{ACCOUNT};"
        )
        with BlobServiceClient.from_connection_string(connection) as client:
            client.create_container(BUCKET)
        yield Store("az", {"AZURE_STORAGE_CONNECTION_STRING": connection})
    finally:
        server.terminate()
        server.communicate()
