"""Picture files: drawn anew where they are ours, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asem_core.draw.png import check_png, check_pngs, save_png
from asem_core.errors import OutputError

GREY = Image.fromarray(np.full((4, 5), 7, np.uint8))
WHITE = Image.fromarray(np.full((4, 5), 255, np.uint8))


def test_a_picture_is_drawn_anew(tmp_path: Path) -> None:
    picture = tmp_path / "new" / "picture.png"
    save_png(GREY, picture)
    save_png(WHITE, picture)
    with Image.open(picture) as found:
        assert found.size == (5, 4)
        assert np.asarray(found).min() == 255
    assert [path.name for path in picture.parent.iterdir()] == ["picture.png"]


@pytest.mark.parametrize("content", [b"", b"mine", b"\x89PNG\r\n\x1a\nbroken", "other", "tiff", "folder"])
def test_other_files_stay(tmp_path: Path, content: bytes | str) -> None:
    picture = tmp_path / "mito_evaluation_z0001.png"
    if content == "folder":
        picture.mkdir()
    elif isinstance(content, str):
        GREY.save(picture, format="PNG" if content == "other" else "TIFF")
    else:
        picture.write_bytes(content)
    before = None if picture.is_dir() else picture.read_bytes()
    for refused in (lambda: save_png(WHITE, picture), lambda: check_pngs(tmp_path, "mito_evaluation_*.png")):
        with pytest.raises(OutputError, match="not only, a picture that ASEM wrote"):
            refused()
    assert picture.is_dir() or picture.read_bytes() == before
    assert check_pngs(tmp_path, "er_evaluation_*.png") == tmp_path


def test_only_png(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"section\.tif: a picture is a PNG; name it NAME\.png"):
        check_png(tmp_path / "section.tif")


def test_a_picture_lies_beside_what_it_shows(tmp_path: Path) -> None:
    volume = tmp_path / "cell.tif"
    volume.touch()
    assert check_png(tmp_path / "cell.png", inputs=[volume]) == tmp_path / "cell.png"
    with pytest.raises(OutputError, match="would lie in, or replace"):
        check_png(tmp_path / "sections" / "a.png", inputs=[tmp_path / "sections"])
