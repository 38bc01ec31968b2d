"""``asem WORDS``, killed as by ``kill -9`` when it is about to write an object of the bucket ``DIES_AT`` names.

``python tests/mortal.py WORDS``; ``DIES_AT`` is a URL.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from asem_core.cli.main import main
from asem_core.volume.address import Location, locate


def die_at(place: Location) -> None:
    """Let the client of ``place`` end this process where it would write it."""
    client: Any = type(getattr(place, "fs"))  # noqa: B009  only a bucket has one
    write, path = client._pipe_file, str(getattr(place, "path"))  # noqa: B009

    async def written(self: Any, name: str, *words: Any, **more: Any) -> Any:
        if name == path:
            os.kill(os.getpid(), signal.SIGKILL)
        return await write(self, name, *words, **more)

    client._pipe_file = written


if __name__ == "__main__":
    die_at(locate(os.environ["DIES_AT"]))
    main()
