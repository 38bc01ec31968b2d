"""Requests to S3 that end, whatever the server does with them.

The client's own limit of time begins when a request has been sent. Not every one gets so far: before what is written is
sent, the server has to say that it wants it ("100 Continue"), and for that aiohttp waits without end.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import ConnectionError as ConnectionFailed
from botocore.exceptions import ReadTimeoutError

SLOWEST = 10_000
"""Bytes a second that a request is sent with at least, beside others: its time grows with what it sends."""


class NoAnswerError(ConnectionFailed):  # type: ignore[misc]  # it has no types
    """A server did not answer in time: of a kind that S3's client tries again, and s3fs not once more."""

    fmt = "{address} did not answer a {method} within {seconds:.3g} s"


class BoundedSession(AIOHTTPSession):  # type: ignore[misc]  # it has no types
    """What S3's client sends its requests by; each is answered within ``read_timeout``, or given up.

    It is told of as ``http_session_cls`` of the client's configuration. Time does not count until it is a request's
    turn: a verification asks for hundreds of objects at once.
    """

    def __init__(self, *, timeout: tuple[float, float], max_pool_connections: int, **others: Any) -> None:
        """``timeout``: seconds to connect, and until an answer; at most ``max_pool_connections`` requests at once."""
        super().__init__(timeout=timeout, max_pool_connections=max_pool_connections, **others)
        self._answer_s = timeout[1]
        self._turns = asyncio.Semaphore(max_pool_connections)

    async def send(self, request: Any) -> Any:
        """The answer to ``request``.

        Raises
        ------
        NoAnswerError
            There was none in time.
        """
        bound = self._answer_s + _bytes(request) / SLOWEST
        try:
            async with self._turns:
                return await asyncio.wait_for(super().send(request), bound)
        except (TimeoutError, ReadTimeoutError) as error:
            seconds = bound if isinstance(error, TimeoutError) else self._answer_s
            address = "/".join(request.url.split("/")[:3])
            raise NoAnswerError(address=address, method=request.method, seconds=seconds) from error


def _bytes(request: Any) -> int:
    """Of what ``request`` sends."""
    return int(request.headers.get("Content-Length") or request.headers.get("X-Amz-Decoded-Content-Length") or 0)
