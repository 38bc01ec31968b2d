"""An OME-TIFF in several files: the whole image by any of them, or refused by the name of what is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import tifffile

from asem_core.errors import VolumeError
from asem_core.geometry import VoxelSize

FIVE = VoxelSize((5, 5, 5))
NAMES = ("b.ome.tif", "a.ome.tif", "c.ome.tif")
"""In the order of the sections, which is not that of the names."""


@attrs.frozen(kw_only=True)
class Described:
    """OME-XML of nine sections, three in each file."""

    files: tuple[str, ...] = NAMES
    sizes: str = 'SizeZ="9" SizeC="1" SizeT="1"'
    images: int = 1
    more: str = ""
    """``TiffData`` behind the others."""

    def xml(self, own: str) -> str:
        data = "".join(
            f'<TiffData FirstZ="{3 * n}" IFD="0" PlaneCount="3"><UUID FileName="{name}">urn:uuid:{n}</UUID></TiffData>'
            for n, name in enumerate(self.files)
        )
        image = (
            f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="31" SizeY="40" '
            f'{self.sizes} PhysicalSizeX="5" PhysicalSizeY="4" PhysicalSizeZ="8" PhysicalSizeXUnit="nm" '
            f'PhysicalSizeYUnit="nm" PhysicalSizeZUnit="nm">{data}{self.more}</Pixels></Image>'
        )
        return f'{_ROOT} UUID="{own}">{image * self.images}</OME>'


_ROOT = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'


def only(name: str) -> str:
    """What a file says whose OME-XML is in the file ``name``."""
    return f'{_ROOT}><BinaryOnly MetadataFile="{name}" UUID="urn:uuid:9"/></OME>'


def write(path: Path, sections: np.ndarray, xml: str | None) -> None:
    with tifffile.TiffWriter(path) as tif:
        for number, section in enumerate(sections):
            tif.write(section, description=None if number else xml, metadata=None)


def write_all(folder: Path, image: np.ndarray, *, said: Described | None = None, in_one: str = "") -> Path:
    """The image in three files, whose OME-XML is in each, or ``in_one`` of them or beside them."""
    said = Described() if said is None else said
    for number, name in enumerate(said.files):
        xml = only(in_one) if in_one not in ("", name) else said.xml(f"urn:uuid:{number}")
        write(folder / name, image[3 * number : 3 * number + 3], xml)
    if in_one.endswith(".companion.ome"):
        (folder / in_one).write_text(said.xml("urn:uuid:9"))
    return folder


@pytest.mark.parametrize("in_one", ["", "b.ome.tif", "cell.companion.ome"])
def test_the_whole_image_by_any_of_its_files_and_by_their_folder(tmp_path, image, opened, in_one):
    write_all(tmp_path, image, in_one=in_one)
    for address in (tmp_path, *tmp_path.iterdir()):
        volume = opened(address)
        np.testing.assert_array_equal(volume.read(volume.box), image)
        np.testing.assert_array_equal(volume.array[2:8:2, 5:9], image[2:8:2, 5:9])
        assert (volume.voxel_size, volume.notes) == (VoxelSize((8, 4, 5)), ())


def test_a_file_that_is_not_there_is_named(tmp_path, image, opened):
    write_all(tmp_path, image)
    (tmp_path / "a.ome.tif").unlink()
    for address in (tmp_path / "b.ome.tif", tmp_path):
        with pytest.raises(VolumeError, match=r"one image in 3 files, of which a\.ome\.tif is not beside it; put all"):
            opened(address)
    (tmp_path / "c.ome.tif").unlink()
    with pytest.raises(VolumeError, match=r"of which a\.ome\.tif, c\.ome\.tif are not beside it"):
        opened(tmp_path / "b.ome.tif")


def test_a_companion_that_is_not_there_is_named(tmp_path, image, opened):
    write_all(tmp_path, image, in_one="cell.companion.ome")
    (tmp_path / "cell.companion.ome").unlink()
    with pytest.raises(VolumeError, match=r"its metadata are in cell\.companion\.ome, which is not beside it"):
        opened(tmp_path / "c.ome.tif")


def test_a_file_that_was_renamed_knows_itself(tmp_path, image, opened):
    write_all(tmp_path, image)
    (tmp_path / "b.ome.tif").rename(tmp_path / "renamed.ome.tif")
    volume = opened(tmp_path / "renamed.ome.tif")
    np.testing.assert_array_equal(volume.read(volume.box), image)


def test_no_file_is_looked_for_elsewhere(tmp_path, image, opened):
    (tmp_path / "in").mkdir()
    said = Described(files=("b.ome.tif", "../a.ome.tif", "C:\\data\\c.ome.tif"))
    for number, name in enumerate(NAMES):
        write(tmp_path / "in" / name, image[3 * number : 3 * number + 3], said.xml(f"urn:uuid:{number}"))
    volume = opened(tmp_path / "in" / "b.ome.tif")
    np.testing.assert_array_equal(volume.read(volume.box), image)
    (tmp_path / "in" / "a.ome.tif").rename(tmp_path / "a.ome.tif")
    with pytest.raises(VolumeError, match=r"of which a\.ome\.tif is not beside it"):
        opened(tmp_path / "in" / "b.ome.tif")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "two images": ({"images": 2}, "expected one image, its OME-XML describes 2"),
    "channels": ({"sizes": 'SizeZ="3" SizeC="3" SizeT="1"'}, "expected one channel .* 3 Z, 3 C, 1 T"),
    "too few": ({"sizes": 'SizeZ="10" SizeC="1" SizeT="1"'}, "describes 10 sections and says 9 times where one lies"),
    "far too few": ({"sizes": f'SizeZ="{10**12}"'}, "describes 1000000000000 sections and says 9 times"),
    "twice": ({"more": '<TiffData FirstZ="3" IFD="0"/>'}, "describes 9 sections and says 10 times where one lies"),
    "no such page": ({"more": '<TiffData FirstZ="9" IFD="7"/>'}, "holds 3 sections, .* counts 1 from 8 on"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_does_not_add_up_is_refused(tmp_path, image, opened, fault):
    values, message = WRONG[fault]
    write_all(tmp_path, image, said=Described(**values))
    with pytest.raises(VolumeError, match=message):
        opened(tmp_path / "b.ome.tif")


def test_a_companion_of_two_images(tmp_path, image, opened):
    write_all(tmp_path, image, said=Described(images=2), in_one="cell.companion.ome")
    for address in ("cell.companion.ome", "a.ome.tif"):
        with pytest.raises(VolumeError, match=r"expected the OME-XML of one image, it describes 2"):
            opened(tmp_path / address)


@pytest.mark.parametrize("cut", [np.s_[:, :30], np.s_[:2]])
def test_files_that_are_unlike_what_the_first_says(tmp_path, image, opened, cut):
    write_all(tmp_path, image)
    write(tmp_path / "c.ome.tif", image[6:9][cut], None)
    with pytest.raises(VolumeError, match=r"c\.ome\.tif: (section is \(30, 31\)|it holds 2 sections)"):
        opened(tmp_path / "a.ome.tif")


def one_each(folder: Path, image: np.ndarray, first: int) -> Path:
    data = "".join(
        f'<TiffData FirstZ="{z}" IFD="0"><UUID FileName="s{first + z}.ome.tif">urn:uuid:{z}</UUID></TiffData>'
        for z in range(len(image))
    )
    said = Described(files=(), more=data)
    for z, section in enumerate(image):
        write(folder / f"s{first + z}.ome.tif", section[None], said.xml(f"urn:uuid:{z}"))
    return folder


def test_a_file_for_each_section_and_a_part_of_them(tmp_path, image, opened):
    one_each(tmp_path, image, 7)
    for address in (tmp_path, tmp_path / "s9.ome.tif"):
        volume = opened(address)
        np.testing.assert_array_equal(volume.read(volume.box), image)
        assert volume.first_section == 7
    (tmp_path / "s7.ome.tif").unlink()
    part = opened(tmp_path)
    np.testing.assert_array_equal(part.read(part.box), image[1:])
    with pytest.raises(VolumeError, match=r"s7\.ome\.tif is not beside it"):
        opened(tmp_path / "s9.ome.tif")


def test_sections_of_one_file_in_another_order_than_its_pages(tmp_path, image, opened):
    data = "".join(f'<TiffData FirstZ="{8 - page}" IFD="{page}"/>' for page in range(9))
    write(tmp_path / "a.ome.tif", image[::-1], Described(files=(), more=data).xml("urn:uuid:0"))
    volume = opened(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(volume.read(volume.box), image)
    write(tmp_path / "lost.ome.tif", image, Described(files=(), more=data[:30] + "/>").xml("urn:uuid:0"))
    volume = opened(tmp_path / "lost.ome.tif")
    np.testing.assert_array_equal(volume.read(volume.box), image)


def test_written_by_tifffile_in_one_file_and_renamed(tmp_path, image, opened):
    tifffile.imwrite(tmp_path / "a.ome.tif", image, photometric="minisblack", metadata={"axes": "ZYX"})
    (tmp_path / "a.ome.tif").rename(tmp_path / "b.ome.tif")
    volume = opened(tmp_path / "b.ome.tif", voxel_size=FIVE)
    np.testing.assert_array_equal(volume.read(volume.box), image)
