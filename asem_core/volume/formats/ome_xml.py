"""OME-XML of TIFF: the images that it describes, the size of their voxels, and in which file each section lies.

===============  ==============================================================================
`images`         every image (`OmePixels`) of an OME-XML
`spread`         the one image that several files hold, opened by one of them or by their folder (`Spread`)
===============  ==============================================================================

The OME-XML of an image in several files stands in each of them, in the first, or in a file of its own
(``*.companion.ome``), which the others name. What it calls a file is looked for beside it, never elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import attrs

from asem_core.errors import VolumeError
from asem_core.volume.formats.sections import is_tiff

COMPANION = ".companion.ome"


@attrs.frozen(kw_only=True)
class Part:
    """Sections that follow one another in a file."""

    file: str
    """Its name; empty: the file that holds the OME-XML."""
    page: int
    """Where the first of them lies in it."""
    count: int | None
    """None: as many as the file holds."""
    section: int
    """Number of the first of them."""


@attrs.frozen(kw_only=True)
class OmePixels:
    """An image in OME-XML."""

    sizes: Mapping[str, int]
    """Planes along Z, C and T."""
    lengths: Mapping[str, tuple[str, str]]
    """Voxel size and its unit along X, Y and Z, where stated."""
    parts: Sequence[Part]

    @property
    def planes(self) -> int:
        """Sections in all."""
        return self.sizes["Z"] * self.sizes["C"] * self.sizes["T"]

    @property
    def files(self) -> tuple[str, ...]:
        """The files that hold it, each once."""
        return tuple(dict.fromkeys(part.file for part in self.parts))


def images(xml: str | None) -> list[OmePixels]:
    """What ``xml`` describes; nothing where it is none, or none that can be read."""
    try:
        root = ElementTree.fromstring(xml) if xml else None
        return [] if root is None else [_pixels(each, _uuid(root)) for each in root.iter() if _name(each) == "Pixels"]
    except (ElementTree.ParseError, ValueError):
        return []


def _pixels(found: ElementTree.Element, own: str) -> OmePixels:
    sizes = {axis: int(found.get(f"Size{axis}", 1)) for axis in "ZCT"}
    channels = [int(each.get("SamplesPerPixel", 1)) for each in found if _name(each) == "Channel"]
    if channels and sum(channels) == sizes["C"]:
        sizes["C"] = len(channels)
    return OmePixels(
        sizes=sizes,
        lengths={
            axis: (found.get(f"PhysicalSize{axis}", ""), found.get(f"PhysicalSize{axis}Unit", "µm"))
            for axis in "XYZ"
            if f"PhysicalSize{axis}" in found.attrib
        },
        parts=tuple(_part(each, own) for each in found if _name(each) == "TiffData"),
    )


def _part(found: ElementTree.Element, own: str) -> Part:
    """One ``TiffData``: a plane where it names a page, else all of its file. Only one of Z, C and T may be long."""
    named = next((each for each in found if _name(each) == "UUID"), None)
    itself = named is None or (own != "" and (named.text or "").strip() == own)
    file = "" if named is None or itself else named.get("FileName", "") or (named.text or "").strip()
    planes = found.get("PlaneCount", "1" if "IFD" in found.attrib else None)
    return Part(
        file=file.replace("\\", "/").rpartition("/")[2],
        page=int(found.get("IFD", 0)),
        count=None if planes is None else int(planes),
        section=sum(int(found.get(f"First{axis}", 0)) for axis in "ZCT"),
    )


def _uuid(root: ElementTree.Element) -> str:
    return root.get("UUID", "").strip()


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


@attrs.frozen(kw_only=True)
class Spread:
    """An image that several TIFF files hold, all of which are there."""

    image: OmePixels
    holder: Path
    """The file with the OME-XML."""

    def path(self, part: str) -> Path:
        """Of the file that the OME-XML calls ``part``."""
        return self.holder.parent / part if part else self.holder

    @property
    def paths(self) -> tuple[Path, ...]:
        """Of all files, each once."""
        return tuple(map(self.path, self.image.files))


def spread(path: Path) -> Spread | None:
    """The image that ``path`` is a part of, or the folder of; None where it is in one file, or no OME-XML says so.

    Raises
    ------
    VolumeError
        A file that the OME-XML names is not there, or a companion describes several images.
    """
    if path.is_dir():
        return _of_folder(path)
    holder, xml = _ome_xml(path)
    found = images(xml)
    elsewhere = holder != path or not is_tiff(path)
    if len(found) != 1 and elsewhere:
        raise VolumeError(f"{holder}: expected the OME-XML of one image, it describes {len(found)}; {_ONE_FILE}")
    if len(found) != 1 or (len(found[0].files) < 2 and not elsewhere):
        return None
    return _all_there(Spread(image=found[0], holder=holder))


def _of_folder(folder: Path) -> Spread | None:
    """Where the OME-XML of the first file, or of a companion, names every TIFF in ``folder``.

    A folder of single sections may be a part of what its files were once written with: then their names count them.
    """
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    tiffs = [path for path in shown if is_tiff(path)]
    companions = [path for path in shown if path.name.endswith(COMPANION)]
    for path in [*companions, *tiffs[:1]]:
        holder, xml = _ome_xml(path)
        found = images(xml)
        if len(found) != 1 or len(found[0].files) < 2:
            continue
        whole = Spread(image=found[0], holder=holder)
        if set(tiffs) == set(whole.paths):
            return whole
        if set(tiffs) < set(whole.paths) and len(whole.paths) < whole.image.planes:
            return _all_there(whole)
    return None


def _ome_xml(path: Path) -> tuple[Path, str | None]:
    """The OME-XML of ``path``, or of the file that ``path`` says has it; and which file that is."""
    xml = _held(path)
    try:
        root = ElementTree.fromstring(xml) if xml else None
    except (ElementTree.ParseError, ValueError):
        return path, None
    elsewhere = None if root is None else next((each for each in root if _name(each) == "BinaryOnly"), None)
    if elsewhere is None:
        return path, xml
    name = elsewhere.get("MetadataFile", "").replace("\\", "/").rpartition("/")[2]
    holder = path.parent / name
    if not name or not holder.is_file():
        raise VolumeError(f"{path}: its metadata are in {name or 'another file'}, which is not beside it; add it")
    return holder, _held(holder)


def _held(path: Path) -> str | None:
    if not is_tiff(path):
        return path.read_text(encoding="utf-8", errors="replace")
    from tifffile import TiffFile

    try:
        with TiffFile(path) as tif:
            return tif.ome_metadata
    except Exception:  # tifffile raises many kinds on damaged headers: the reader will say so
        return None


def _all_there(found: Spread) -> Spread:
    missing = [path.name for path in found.paths if not path.is_file()]
    if missing:
        names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise VolumeError(
            f"{found.holder}: it describes one image in {len(found.paths)} files, of which {names} "
            f"{'is' if len(missing) == 1 else 'are'} not beside it; put all into one folder, or {_ONE_FILE}"
        )
    return found


_ONE_FILE = "save the image as one file"
