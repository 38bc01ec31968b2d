"""What cannot fit is refused before it starts."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from asem_core.blocks.preflight import Preflight, check_disk, check_memory, machine_flops
from asem_core.errors import BudgetError, OutputError

PLAN = Preflight(memory=3_000_000_000, disk=2_000_000_000, seconds=60)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    disk = SimpleNamespace(free=PLAN.disk, asked=[])

    def usage(path: Path) -> SimpleNamespace:
        disk.asked.append(path)
        return SimpleNamespace(free=disk.free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    return disk


def test_what_fits_exactly_passes(tmp_path: Path, free: SimpleNamespace) -> None:
    check_memory(PLAN, max_memory=PLAN.memory)
    check_disk(PLAN, output=tmp_path / "out.zarr")
    assert free.asked == [tmp_path]


def test_too_much_memory() -> None:
    with pytest.raises(BudgetError, match=r"needs about 3\.0 GB of memory, --max-memory allows 2\.5 GB"):
        check_memory(PLAN, max_memory=2_500_000_000)


def test_too_much_disk(tmp_path: Path, free: SimpleNamespace) -> None:
    free.free = PLAN.disk - 1
    with pytest.raises(OutputError, match=rf"{tmp_path}: the disk has 2 GB left, up to 2 GB are needed"):
        check_disk(PLAN, output=tmp_path / "out.zarr")


def test_the_real_disk_and_the_present_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_disk(Preflight(memory=1, disk=1, seconds=1), output=Path("out.zarr"))
    with pytest.raises(OutputError, match=r"the disk has .* left, up to 1e\+09 GB"):
        check_disk(Preflight(memory=1, disk=10**18, seconds=1), output=Path("out.zarr"))


def test_the_speed_of_this_machine_is_plausible() -> None:
    assert 1e7 < machine_flops(size=64) < 1e16
