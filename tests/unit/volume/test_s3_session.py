"""How long a request to S3 may take, by what it sends."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import ReadTimeoutError

from asem_core.volume.s3_session import BoundedSession, NoAnswerError

URL = "http://minio.lab:9000/cells/a?x-id=PutObject"


def ask(headers: dict[str, Any], *, timeout: float = 0.1, times: int = 1) -> Any:
    async def sent() -> Any:
        session = BoundedSession(timeout=(1.0, timeout), max_pool_connections=1)
        request = SimpleNamespace(url=URL, method="PUT", headers=headers)
        return await asyncio.gather(*(session.send(request) for _ in range(times)))

    return asyncio.run(sent())


def test_what_is_large_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(*_: object) -> str:
        await asyncio.sleep(0.3)
        return "done"

    monkeypatch.setattr(AIOHTTPSession, "send", answer)
    assert ask({"Content-Length": b"20000"}) == ["done"]
    assert ask({"Transfer-Encoding": "chunked", "X-Amz-Decoded-Content-Length": "20000"}) == ["done"]
    with pytest.raises(NoAnswerError, match=r"^http://minio.lab:9000 did not answer a PUT within 0.2 s$"):
        ask({"Content-Length": "1000"})
    with pytest.raises(NoAnswerError, match=r"within 0.1 s$"):
        ask({})


def test_the_limit_of_the_client_is_told_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(*_: object) -> None:
        raise ReadTimeoutError(endpoint_url=URL)

    monkeypatch.setattr(AIOHTTPSession, "send", late)
    with pytest.raises(NoAnswerError, match=r"^http://minio.lab:9000 did not answer a PUT within 0.1 s$"):
        ask({"Content-Length": "20000"})


def test_waiting_for_a_turn_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(*_: object) -> str:
        await asyncio.sleep(0.4)
        return "done"

    monkeypatch.setattr(AIOHTTPSession, "send", answer)
    assert ask({}, timeout=1.0, times=3) == ["done"] * 3
