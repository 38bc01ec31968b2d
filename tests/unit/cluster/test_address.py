"""Text that leads to no workers: one line that says what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from asem_core.cluster import connect
from asem_core.cluster.failure import Failure
from asem_core.cluster.installed import difference, installed
from asem_core.cluster.summary import Summary
from asem_core.cluster.worker import Report
from asem_core.errors import ClusterError, VolumeError


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("local:", "expected local:N"),
        ("local:0", "expected local:N"),
        ("local:two", "expected local:N"),
        ("none.json", "there is no such file; `dask scheduler --scheduler-file"),
        ("none.yaml", "none.yaml: cannot be read"),
        ("tcp://127.0.0.1:1", "no Dask scheduler answers at tcp://127.0.0.1:1 within 1 s"),
        ("nonsense", "no Dask scheduler answers at nonsense"),
    ],
)
def test_no_workers(text: str, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("asem_core.cluster.address.ANSWER_S", 1.0)
    with pytest.raises(ClusterError, match=told), connect(text):
        pass


@pytest.mark.parametrize("text", ["{not json", '{"workers": {}}', '{"address": null}', "[]", ""])
def test_a_file_that_no_scheduler_wrote(text: str, tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(text)
    with pytest.raises(ClusterError, match=r"scheduler\.json is not the file of a Dask scheduler"), connect(str(file)):
        pass


def test_what_is_installed() -> None:
    found = installed()
    assert {"Python", "asem-core"} <= found.keys()
    assert difference(found, dict(found)) is None


def test_the_summary_names_the_slow_and_counts_the_failed() -> None:
    summary = Summary()
    assert str(summary) == "nothing was done on the cluster"
    for number, seconds in enumerate((1.0, 9.0, 2.0, 8.0, 3.0)):
        failure = Failure.of(VolumeError("damaged")) if number == 2 else None
        summary.add(number, Report(seconds=seconds, failure=failure, where=f"worker {number % 2} on node"))
    summary.fail()
    assert str(summary) == (
        "6 blocks, 2 failed by 2 workers, 3.8 s each on average; the slowest: 9 s 1 by worker 1 on node; "
        "8 s 3 by worker 1 on node; 3 s 4 by worker 0 on node"
    )
