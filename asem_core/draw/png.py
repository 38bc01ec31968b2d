"""PNG files that say that ASEM drew them, and replace only such.

A picture is drawn anew without a question; any other file of that name stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from asem_core.errors import OutputError
from asem_core.volume.output import Input, Replaceable, check_destination, check_folder, complete_or_absent

_KEY, _OURS = "Software", "asem"
"""A text in the file; the key is one that PNG defines."""


def check_png(picture: Path, *, inputs: Iterable[Input] = ()) -> Path:
    """Where `save_png` would write ``picture``; for asking before the work.

    Parameters
    ----------
    inputs
        What is read or made beside the picture, and must not be touched by it.

    Raises
    ------
    OutputError
        The name does not end in ``.png``, something else than a picture of ASEM is there, it lies in an input, or it
        cannot be written.
    """
    if picture.suffix.lower() != ".png":
        raise OutputError(f"{picture}: a picture is a PNG; name it NAME.png")
    return check_destination(picture, overwrite=True, kind=_PICTURE, inputs=inputs)


def check_pngs(folder: Path, pattern: str, *, inputs: Iterable[Input] = ()) -> Path:
    """Where pictures called ``pattern`` (with a ``*``) go that are added to ``folder``; for asking before the work.

    Raises
    ------
    OutputError
        As `check_png`, of any picture that is there already, and of the folder.
    """
    found = check_folder(folder, inputs=inputs)
    for picture in found.glob(pattern):
        check_png(picture)
    return found


def save_png(image: Image.Image, picture: Path, *, inputs: Iterable[Input] = ()) -> None:
    """Write ``image``; folders above are made.

    Raises
    ------
    OutputError
        As `check_png`.
    """
    check_png(picture, inputs=inputs)
    mark = PngInfo()
    mark.add_text(_KEY, _OURS)
    with complete_or_absent(picture, needed_bytes=0, overwrite=True, kind=_PICTURE, inputs=inputs) as partial:
        image.save(partial, format="PNG", pnginfo=mark)


def _is_own_picture(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return image.format == "PNG" and image.info.get(_KEY) == _OURS
    except (OSError, UnidentifiedImageError, SyntaxError):  # the last: PNG chunks that are broken
        return False


_PICTURE = Replaceable(name="a picture", recognise=_is_own_picture)
