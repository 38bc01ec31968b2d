"""What went wrong on a worker, as text, and what the driver makes of it."""

from __future__ import annotations

import errno
import pickle

import pytest

from asem_core.cluster.failure import FailedError, Failure
from asem_core.errors import AsemError, BlockError, StorageError, VolumeError
from asem_core.volume.output import is_no_space


class PluginsError(VolumeError):
    """Not known on the driver."""


@pytest.mark.parametrize(
    ("error", "kind", "text", "may_pass"),
    [
        (VolumeError("damaged"), VolumeError, "damaged", False),
        (StorageError("no server"), StorageError, "no server", False),
        (AsemError("no"), AsemError, "no", False),
        (PluginsError("damaged"), VolumeError, "damaged", False),
        (OSError(errno.EIO, "broken"), BlockError, "OSError: [Errno 5] broken", True),
        (ValueError("nonsense"), BlockError, "ValueError: nonsense", True),
    ],
)
def test_the_driver_is_told_the_nearest_kind(
    error: Exception, kind: type[Exception], text: str, may_pass: bool
) -> None:
    failure = Failure.of(error)
    assert (type(failure.error), str(failure.error), failure.may_pass) == (kind, text, may_pass)


def test_a_full_disk_stays_one() -> None:
    failure = Failure.of(OSError(errno.ENOSPC, "No space left on device"))
    assert is_no_space(failure.error)
    assert not failure.may_pass


def test_what_dask_raises_again_is_short_and_keeps_all() -> None:
    found = pickle.loads(pickle.dumps(FailedError(Failure.of(ValueError("long " * 10_000)), "worker 0 on node")))
    assert len(str(found)) < 2000
    assert (len(found.failure.text), found.where) == (50_012, "worker 0 on node")
