"""What went wrong on a worker, as text: an exception may not bear to be sent, or its class not be known there."""

from __future__ import annotations

import errno
import traceback

import attrs

from asem_core import errors
from asem_core.errors import AsemError, BlockError
from asem_core.volume.output import is_no_space

_SHOWN = 1000
"""Letters of what an exception says, in Dask's logs."""


@attrs.frozen(kw_only=True)
class Failure:
    """An exception that was raised on a worker."""

    kind: str
    """The nearest kind of `AsemError` by name; empty: it is none."""
    text: str
    """What it says; before that, of what is no `AsemError`, the name of its class."""
    no_space: bool
    """Whether a disk was full."""
    trace: str = attrs.field(repr=False)
    """Where it was raised."""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """``error``, such as any plugin may raise."""
        ours = isinstance(error, AsemError)
        return cls(
            kind=next((kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__), ""),
            text=str(error) if ours else f"{type(error).__name__}: {error}",
            no_space=is_no_space(error),
            trace="".join(traceback.format_exception(error)),
        )

    @property
    def may_pass(self) -> bool:
        """Whether the block is worth another attempt: ours say what is wrong, and a full disk stays full."""
        return not self.kind and not self.no_space

    @property
    def error(self) -> Exception:
        """An exception that says the same on the driver."""
        kind = getattr(errors, self.kind) if self.kind else BlockError
        found: Exception = OSError(errno.ENOSPC, self.text) if self.no_space else kind(self.text)
        found.add_note(self.trace)
        return found


class FailedError(Exception):
    """A block, or a question, failed on a worker by what may pass."""

    def __init__(self, failure: Failure, where: str) -> None:
        super().__init__(failure, where)
        self.failure, self.where = failure, where

    def __str__(self) -> str:
        # Of a long text Dask would make another exception.
        return f"{self.failure.text[:_SHOWN]} (on {self.where})"
