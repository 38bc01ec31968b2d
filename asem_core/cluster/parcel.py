"""A task as bytes, to be sent once to every worker: small, whatever it reads and writes.

What is open travels as what opens it: a volume as its reader and address (`asem_core.volume.source.Stored`), an output
as its path, a network as the plan of its session. Tables travel, such as what each component is merged with; volumes in
memory do not. The files and folders that a task names are noted: a worker that does not see one cannot do the task, and
must not take what is missing for zeros.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from pickle import PicklingError
from typing import Any

import attrs
import cloudpickle
import numpy as np

from asem_core.cluster.installed import installed
from asem_core.errors import ClusterError

MOST_BYTES = 64 * 2**20
"""Of one array in a task: 16 million components of single blocks."""


@attrs.frozen(kw_only=True, eq=False)
class Parcel:
    """A task for workers."""

    content: bytes
    digest: str
    """Of ``content``."""
    paths: tuple[str, ...]
    """Files and folders that it names, and that are there."""
    installed: Mapping[str, str]
    """Where it was packed, see `asem_core.cluster.installed`."""


def pack(task: Any) -> Parcel:
    """``task``, functions with all that they refer to, as a parcel.

    Raises
    ------
    ClusterError
        It holds a volume in memory, or something that belongs to this process.
    """
    file = BytesIO()
    packer = _Packer(file)
    try:
        packer.dump(task)
    except (PicklingError, TypeError, AttributeError) as error:
        raise ClusterError(f"this cannot be done on a cluster: {error}") from error
    content = file.getvalue()
    return Parcel(
        content=content,
        digest=hashlib.blake2b(content, digest_size=16).hexdigest(),
        paths=tuple(sorted(packer.paths)),
        installed=installed(),
    )


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """Notes paths, refuses large arrays."""

    def __init__(self, file: BytesIO) -> None:
        super().__init__(file)
        self.paths: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, np.ndarray) and obj.nbytes > MOST_BYTES:
            raise ClusterError(
                f"an array {obj.shape} of {obj.nbytes / 1e6:.0f} MB would have to be sent to every worker, up to "
                f"{MOST_BYTES / 1e6:.0f} MB are: give volumes by their address, not in memory"
            )
        if isinstance(obj, Path) and obj.is_absolute() and obj.exists():
            self.paths.add(str(obj))
        return super().reducer_override(obj)
