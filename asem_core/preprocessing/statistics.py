"""Statistics of a volume in a file, so that they are measured once."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asem_core.errors import VolumeError
from asem_core.geometry import Box
from asem_core.preprocessing.stages import Statistics, Step, measure, normalised
from asem_core.progress import Progress, silent
from asem_core.volume.output import Input, complete_or_absent, place_of
from asem_core.volume.volume import Volume

_KEY = "measured"
"""Entry of the file that says of what the statistics are."""


def measured(
    volume: Volume, steps: Sequence[Step], store: Path | None, *, progress: Progress = silent
) -> list[Statistics]:
    """The statistics of ``steps``, taken from the file ``store`` if it holds them, else measured and kept there.

    Parameters
    ----------
    volume
        The whole volume, readable by blocks.
    steps
        In order.
    store
        A ``.npz`` file; None: nothing is kept.

    Raises
    ------
    VolumeError
        ``store`` holds the statistics of another volume or of other stages, or is no such file.
    OutputError
        It cannot be written.
    """
    if store is None:
        return measure(volume, steps, progress=progress)
    about = _about(volume, steps)
    if store.exists():
        return _load(store, about, steps)
    found = measure(volume, steps, progress=progress)
    if store.exists():  # another run on this volume was faster
        return _load(store, about, steps)
    _save(store, about, found)
    return found


def normalised_by(volume: Volume, steps: Sequence[Step], store: Path, *, progress: Progress = silent) -> Volume:
    """`normalised` by what `measured` gives. What a step cannot do with that it says here, not of every block."""
    result = normalised(volume, steps, measured(volume, steps, store, progress=progress))
    result.read(Box((0, 0, 0), (1, 1, 1)))
    return result


def check_store(store: Path, volume: Volume, steps: Sequence[Step], *, inputs: Iterable[Input] = ()) -> Path:
    """Where `measured` keeps ``store``, once it is known that it can, for asking before the work.

    Parameters
    ----------
    inputs
        What is read or made beside it, and must lie elsewhere.

    Raises
    ------
    VolumeError, OutputError
        As `measured`.
    """
    found = place_of(store, inputs=inputs)
    if found.exists():
        _load(found, _about(volume, steps), steps)
    return found


def _about(volume: Volume, steps: Sequence[Step]) -> dict[str, Any]:
    return {"volume": dict(volume.identity), "stages": [step.settings for step in steps]}


def _save(store: Path, about: Mapping[str, Any], found: Sequence[Statistics]) -> None:
    arrays: dict[str, Any] = {f"{n}/{name}": value for n, stats in enumerate(found) for name, value in stats.items()}
    with complete_or_absent(store, needed_bytes=0, overwrite=False) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays, **{_KEY: np.array(json.dumps(about))})


def _load(store: Path, about: Mapping[str, Any], steps: Sequence[Step]) -> list[Statistics]:
    try:
        with np.load(store, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        stored = json.loads(str(arrays.pop(_KEY)))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise VolumeError(f"{store}: holds no statistics of a volume; remove it, or use another name") from error
    for part, value in json.loads(json.dumps(about)).items():
        if stored[part] != value:
            raise VolumeError(
                f"{store}: has statistics of other {part}, {stored[part]}, not {value}; remove it, or use another name"
            )
    found: list[dict[str, Any]] = [{} for _ in steps]
    for name, value in arrays.items():
        number, _, statistic = name.partition("/")
        found[int(number)][statistic] = value
    return list(found)
