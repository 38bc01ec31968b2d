"""What was done on a cluster, for whoever waited for it: blocks, their time, the slow ones and the failed ones."""

from __future__ import annotations

import heapq
from typing import Any

import attrs

from asem_core.cluster.worker import Report

_SLOWEST = 3


@attrs.define(kw_only=True)
class Summary:
    """Counts over all sweeps. Not frozen: it grows while blocks end."""

    blocks: int = 0
    failed: int = 0
    seconds: float = 0.0
    """Of all blocks together."""
    workers: set[str] = attrs.field(factory=set)
    """Those that have done a block."""
    slowest: list[tuple[float, str]] = attrs.field(factory=list)
    """Seconds of the slowest blocks, and which they are; a heap."""

    def add(self, block: Any, report: Report) -> None:
        """Count one more block."""
        self.blocks += 1
        self.failed += report.failure is not None
        self.seconds += report.seconds
        self.workers.add(report.where)
        heapq.heappush(self.slowest, (report.seconds, f"{block} by {report.where}"))
        if len(self.slowest) > _SLOWEST:
            heapq.heappop(self.slowest)

    def fail(self) -> None:
        """Count a block that no worker could end."""
        self.blocks += 1
        self.failed += 1

    def __str__(self) -> str:
        if not self.blocks:
            return "nothing was done on the cluster"
        mean = self.seconds / self.blocks
        failed = f", {self.failed:,} failed" if self.failed else ""
        head = f"{self.blocks:,} blocks{failed} by {len(self.workers)} workers, {mean:.2g} s each on average"
        slow = [f"{seconds:.2g} s {what}" for seconds, what in sorted(self.slowest, reverse=True)]
        return f"{head}; the slowest: {'; '.join(slow)}"
