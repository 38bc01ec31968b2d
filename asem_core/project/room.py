"""The disk that a project needs for what is not there yet."""

from __future__ import annotations

import logging
import math
from pathlib import Path

from asem_core.project.site import Site
from asem_core.volume.formats.ome_write import PYRAMID_SHARE

log = logging.getLogger(__name__)

_PROBABILITY, _LABEL, _MASK, _ID = 1, 1, 1, 4
"""Bytes of a voxel in the outputs of `asem segment`, `asem mask` and `asem instances`."""


def bytes_needed(site: Site) -> int:
    """Bytes that the volumes which a project makes of ``site`` will take at most, before compression.

    Those that are there, also unfinished, count as nothing, as do temporary files. An image that cannot be opened needs
    none: that it cannot is told by its own step.
    """
    try:
        given = site.given
        part = given.part(site.roi)
    except Exception as error:  # of a reader, which may be a plugin's: no other volume has to do with it
        log.debug("%s: %s", site.name, error)
        return 0
    convert = site.project.convert
    resample = None if convert is None else convert.resample_nm
    finer = 1.0 if resample is None else given.voxel_size.volume_nm3 / math.prod(resample)
    cut = part.size * finer * PYRAMID_SHARE
    all_of_it = cut if convert is not None else given.box.size * PYRAMID_SHARE
    made = [
        *([] if convert is None else [(site.converted, given.dtype.itemsize * cut)]),
        *([(Path(site.mask), _MASK * all_of_it)] if site.makes_mask and site.mask is not None else []),
        *((site.segmented(name), (_PROBABILITY + _LABEL) * cut) for name in site.project.organelles),
        *(
            (site.separated(name), (_PROBABILITY + _ID) * cut)
            for name, target in site.project.organelles.items()
            if target.instances
        ),
    ]
    return int(sum(size for path, size in made if not path.exists()))
