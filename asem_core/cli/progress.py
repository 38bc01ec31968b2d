"""How far work is, on standard error: a bar on a terminal, lines with time stamps anywhere else."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

import attrs

if TYPE_CHECKING:
    from rich.progress import ProgressColumn, TaskID

    from asem_core.progress import TrainingProgress

LINE_EVERY_S = 10.0
"""A sweep that advances says so no more often than this."""
ALIVE_EVERY_S = 60.0
"""Work that does not advance says at least this often that it goes on."""
_WIDE, _NARROW = 100, 60
"""Columns of a terminal from which there is room for the bar, and for speed and note."""


@contextmanager
def progress_bar() -> Iterator[TrainingProgress]:
    """What to hand to the library as ``progress``. Whatever becomes of standard error, the work goes on."""
    stream = _Forgiving(sys.stderr)
    with _Bar(stream).shown() if _can_redraw(stream) else _Lines(stream).shown() as report:
        yield report


def _can_redraw(stream: _Forgiving) -> bool:
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


@attrs.frozen
class Pace:
    """A sweep as it stands, and what can be said of its rest. Times are seconds of one clock.

    Examples
    --------
    >>> resumed = Pace.begin("predict", 90, 100, now=0.0)
    >>> resumed.left(20.0) is None
    True
    >>> resumed.after(91, 100, now=20.0).left(25.0)
    175.0
    """

    sweep: str
    total: int
    first: int
    """Blocks that were done when this run came to the sweep."""
    done: int
    began: float
    moved: float
    """When ``done`` last changed."""
    note: str = ""

    @classmethod
    def begin(cls, sweep: str, done: int, total: int, *, now: float, note: str = "") -> Pace:
        """A sweep that this run comes to at ``now``."""
        return cls(sweep, total, done, done, now, now, note)

    def after(self, done: int, total: int, *, now: float, note: str = "") -> Pace:
        """The sweep when ``done`` of ``total`` are done."""
        moved = now if done != self.done else self.moved
        return attrs.evolve(self, done=done, total=total, moved=moved, note=note)

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.done >= self.total

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 is all."""
        return 100 if self.ended else 100 * self.done // self.total

    @property
    def speed(self) -> float | None:
        """Blocks per second of this run; None before its first."""
        seconds, blocks = self.moved - self.began, self.done - self.first
        return blocks / seconds if seconds > 0 and blocks > 0 else None

    def left(self, now: float) -> float | None:
        """Seconds until the end, if every block takes as long as those of this run; None before the first of them."""
        if self.ended:
            return 0.0
        if self.speed is None:
            return None
        waiting = self.total - self.done - 1
        return waiting / self.speed + max(0.0, 1 / self.speed - (now - self.moved))


class _Display(Protocol):
    """Shows sweeps; called with a lock held."""

    def show(self, pace: Pace, before: Pace | None, now: float) -> None:
        """``pace`` follows ``before``, which is None at the start of a sweep."""


class _Stages:
    """The sweeps that work has told of. One that ended, or that goes back, begins anew."""

    def __init__(self, display: _Display, clock: Callable[[], float]) -> None:
        self._display, self._clock = display, clock
        self._known: dict[str, Pace] = {}
        self.lock = Lock()

    def report(self, sweep: str, done: int, total: int, note: str = "", /) -> None:
        """See `TrainingProgress`."""
        if not total:
            return
        with self.lock:
            now = self._clock()
            before = self._known.get(sweep)
            if before is not None and before.ended and done >= total:
                return
            if before is not None and (before.ended or done < before.done):
                before = None
            pace = (
                before.after(done, total, now=now, note=note)
                if before is not None
                else Pace.begin(sweep, done, total, now=now, note=note)
            )
            self._known[sweep] = pace
            self._display.show(pace, before, now)


class _Lines:
    """One line at the start and the end of each sweep, and in between where something has been going on for a while."""

    def __init__(self, stream: _Forgiving, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._began = self._spoke = clock()
        self._current: Pace | None = None
        self._said: dict[str, float] = {}

    @contextmanager
    def shown(self) -> Iterator[TrainingProgress]:
        sweeps = _Stages(self, self._clock)
        over = Event()

        def watch() -> None:
            while not over.wait(min(1.0, ALIVE_EVERY_S / 4)):
                with sweeps.lock:
                    if not over.is_set():
                        self.remind(self._clock())

        watcher = Thread(target=watch, name="progress", daemon=True)
        watcher.start()
        try:
            yield sweeps.report
        finally:
            over.set()
            watcher.join()

    def show(self, pace: Pace, before: Pace | None, now: float) -> None:
        """Say it, if it is time."""
        self._current = pace
        if before is None or pace.ended or now - self._said.get(pace.sweep, now) >= LINE_EVERY_S:
            self._say(pace, now)

    def remind(self, now: float) -> None:
        """Say that work goes on, if nothing has been said for long."""
        if now - self._spoke < ALIVE_EVERY_S:
            return
        if self._current is None or self._current.ended:
            self._print(f"still at work, {duration(now - self._began)} so far", now)
        else:
            self._say(self._current, now)

    def _say(self, pace: Pace, now: float) -> None:
        self._said[pace.sweep] = now
        self._print(line_of(pace, now), now)

    def _print(self, text: str, now: float) -> None:
        self._spoke = now
        self._stream.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {text}\n")
        self._stream.flush()


def line_of(pace: Pace, now: float) -> str:
    """What a line says of a sweep.

    >>> line_of(Pace.begin("predict", 0, 8, now=0.0).after(2, 8, now=240.0), 250.0)
    'predict 2/8 25 % in 0:04:10, 30/h, ETA 0:11:50'
    >>> line_of(Pace.begin("predict", 7, 8, now=0.0), 0.0)
    'predict 7/8 87 %'
    """
    head = f"{pace.sweep} {pace.done}/{pace.total} {pace.percent} %"
    parts = [f"{head} in {duration(now - pace.began)}" if now > pace.began else head]
    parts += [pace.note] if pace.note else []
    parts += [_speed(pace.speed)] if pace.speed is not None else []
    left = pace.left(now)
    parts += [f"ETA {duration(left)}"] if left else []
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> duration(90061.4)
    '25:01:01'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _speed(per_second: float) -> str:
    seconds, unit = next(((s, u) for s, u in ((1, "s"), (60, "min")) if per_second * s >= 1), (3600, "h"))
    value = per_second * seconds
    return f"{value:.0f}/{unit}" if value >= 100 else f"{value:.3g}/{unit}"


class _Bar:
    """One line that is redrawn four times a second: the sweep that is being worked on. Above it, those that ended."""

    def __init__(self, stream: _Forgiving, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._clock = clock
        console = Console(file=cast("TextIO", stream), force_terminal=True, highlight=False)
        # What the command prints must not end up on standard error.
        self._rich = Progress(
            *_columns(console.width, clock), console=console, refresh_per_second=4, redirect_stdout=False
        )
        self._tasks: dict[str, TaskID] = {}
        self._between: TaskID | None = None

    @contextmanager
    def shown(self) -> Iterator[TrainingProgress]:
        self._begin_between(self._clock())
        with self._rich, _logging_above():
            try:
                yield _Stages(self, self._clock).report
            finally:
                self._end_between()

    def show(self, pace: Pace, before: Pace | None, now: float) -> None:
        """Redraw at the next turn."""
        self._end_between()
        if pace.sweep not in self._tasks:
            self._tasks[pace.sweep] = self._rich.add_task(pace.sweep, total=pace.total or 1, pace=pace)
        self._rich.update(self._tasks[pace.sweep], completed=pace.done, total=pace.total or 1, pace=pace)
        if pace.ended:
            self._rich.remove_task(self._tasks.pop(pace.sweep))
            self._rich.console.print(line_of(pace, now), markup=False, overflow="ellipsis", no_wrap=True)
            if not self._tasks:
                self._begin_between(now)

    def _begin_between(self, now: float) -> None:
        self._between = self._rich.add_task("", total=None, pace=Pace.begin("at work", 0, 0, now=now))

    def _end_between(self) -> None:
        if self._between is not None:
            self._rich.remove_task(self._between)
            self._between = None


def _columns(width: int, clock: Callable[[], float]) -> list[ProgressColumn]:
    from rich.progress import BarColumn, ProgressColumn, SpinnerColumn
    from rich.text import Text

    class Said(ProgressColumn):
        """What ``say`` makes of the sweep, now."""

        def __init__(self, say: Callable[[Pace, float], str], style: str = "") -> None:
            super().__init__()
            self._say, self._style = say, style

        def render(self, task: Any) -> Text:
            return Text(self._say(task.fields["pace"], clock()), style=self._style, no_wrap=True, overflow="ellipsis")

    def count(pace: Pace, now: float) -> str:
        return f"{pace.done}/{pace.total} {pace.percent} %" if pace.total else ""

    def pulse(pace: Pace, now: float) -> str:
        return ", ".join(part for part in (pace.note, _speed(pace.speed) if pace.speed else "") if part)

    def elapsed(pace: Pace, now: float) -> str:
        return duration(now - pace.began)

    def rest(pace: Pace, now: float) -> str:
        left = pace.left(now) if pace.total else None
        return f"ETA {duration(left)}" if left else ""

    # An ASCII spinner: it turns on every terminal.
    columns: list[ProgressColumn] = [SpinnerColumn("line"), Said(lambda pace, _: pace.sweep)]
    columns += [BarColumn(bar_width=20)] if width >= _WIDE else []
    columns += [Said(count, "progress.download")]
    columns += [Said(pulse)] if width >= _NARROW else []
    return [*columns, Said(elapsed, "progress.elapsed"), Said(rest, "progress.remaining")]


@contextmanager
def _logging_above() -> Iterator[None]:
    """While a bar is shown, log lines go above it: handlers keep the stream that they were made with."""
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stderr__
    ]
    for handler in handlers:
        handler.setStream(sys.stderr)  # by now that of the bar
    try:
        yield
    finally:
        for handler in handlers:
            handler.setStream(sys.__stderr__)


class _Forgiving:
    """A stream that may be closed, broken or not there: nobody looks then, and that is no reason to stop."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        with suppress(ValueError, OSError):
            return self._stream is not None and self._stream.isatty()
        return False

    def write(self, text: str) -> int:
        with suppress(ValueError, OSError):
            if self._stream is not None:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(ValueError, OSError):
            if self._stream is not None:
                self._stream.flush()
