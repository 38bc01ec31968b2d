"""Who is writing an output in a bucket: a lock that is an object, and that its owner has to renew.

::

    .OUT.lock          who writes OUT, where, since when; made only where there is none (a conditional write)
    .OUT.lock.claim    made in the same way by who takes the lock of a dead process over: of several, one

A lock is taken over when its process is known to be dead, being one of this machine, or when it was not renewed for
`STALE_S`. Both times are those of the server, so clocks need not agree.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import attrs

from asem_core.errors import OutputError
from asem_core.volume.places import age_s, create, delete, read, write

if TYPE_CHECKING:
    from upath import UPath

log = logging.getLogger(__name__)

RENEW_S = 30.0
STALE_S = 300.0


@attrs.frozen(kw_only=True)
class Owner:
    """The process that holds a lock."""

    token: str = attrs.field(factory=lambda: uuid4().hex)
    user: str = attrs.field(factory=lambda: _user())
    host: str = attrs.field(factory=socket.gethostname)
    machine: str = attrs.field(factory=lambda: _machine())
    """Where process numbers mean the same: a machine since it was started, or one of its containers."""
    process: int = attrs.field(factory=os.getpid)
    since: str = attrs.field(factory=lambda: time.strftime("%Y-%m-%d %H:%M:%S %z"))

    def __str__(self) -> str:
        return f"{self.user} on {self.host}, process {self.process}, since {self.since}"

    @property
    def is_dead(self) -> bool:
        """Whether it was a process of this machine that has ended."""
        import psutil

        return self.machine == _machine() and not psutil.pid_exists(self.process)


@contextmanager
def leased(destination: UPath) -> Iterator[Callable[[], None]]:
    """Within this context no other process of ASEM writes ``destination``.

    Yields
    ------
    callable
        Raises `OutputError` when the lock was lost: this process was out of reach for `STALE_S`, and another took over.

    Raises
    ------
    OutputError
        Another process writes it; the message says which, and how its lock is removed.
    """
    lock = destination.with_name(f".{destination.name}.lock")
    owner = Owner()
    _acquire(lock, owner, destination)
    lost, ended = threading.Event(), threading.Event()
    renewing = threading.Thread(target=_renew, args=(lock, owner, lost, ended), daemon=True)
    renewing.start()

    def check() -> None:
        if lost.is_set():
            raise OutputError(
                f"{destination}: this run could not renew its lock for too long, and another one may have taken over; "
                "what is done is kept: `asem status` says how far it is"
            )

    try:
        yield check
    finally:
        ended.set()
        renewing.join()
        with suppress(OutputError):  # a bucket that is out of reach; then the lock becomes stale
            if _owner(read(lock)) == owner:
                delete(lock)


def _acquire(lock: UPath, owner: Owner, destination: UPath) -> None:
    content = _content(owner)
    if _made(lock, content):
        return
    found = _owner(read(lock))
    if found is None and _made(lock, content):  # it was given back a moment ago
        return
    if found is None or not _taken_over(lock, found, content):
        raise OutputError(
            f"{destination} is being written by another process ({found or 'unknown'}): wait until it has ended, or "
            f"use another name; if that process is dead, run this again in {STALE_S / 60:.0f} minutes, or delete {lock}"
        )
    log.warning("%s: taken over from %s, which has ended or is out of reach", destination, found)


def _taken_over(lock: UPath, found: Owner, content: bytes) -> bool:
    """Whether the lock of ``found`` was stale and is ours now."""
    claim = lock.with_name(f"{lock.name}.claim")
    if not _made(claim, content):
        raise OutputError(
            f"{lock}: another process decides whether its owner ({found}) is dead; run this again in a moment, and "
            f"where that says the same, delete {claim}"
        )
    try:
        age = age_s(lock, now=claim)
        # Read once more: with the claim nobody but its owner can change the lock.
        if age is None or _owner(read(lock)) != found or not (found.is_dead or age >= STALE_S):
            return False
        write(lock, content)
        return True
    finally:
        delete(claim)


def _made(place: UPath, content: bytes) -> bool:
    """Whether ``place`` was made by us; a request whose answer was lost is sent again, and then finds its own."""
    return create(place, content) or read(place) == content


def _content(owner: Owner) -> bytes:
    return json.dumps(attrs.asdict(owner)).encode()


def _renew(lock: UPath, owner: Owner, lost: threading.Event, ended: threading.Event) -> None:
    renewed = time.monotonic()
    while not ended.wait(RENEW_S):
        try:
            if _owner(read(lock)) != owner:
                lost.set()
                return
            write(lock, _content(owner))
            renewed = time.monotonic()
        except OutputError as error:
            log.warning("the lock could not be renewed: %s", error)
            if time.monotonic() - renewed >= STALE_S / 2:
                lost.set()


def _owner(content: bytes | None) -> Owner | None:
    try:
        said: Any = json.loads(content or b"")
        return Owner(**said)
    except (ValueError, TypeError):
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return "somebody"


def _machine() -> str:
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {started} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return socket.gethostname()
