"""Processes forked from one that has imported what takes them longer than what they do."""

from __future__ import annotations

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["asem_core.predict.segment", "asem_core.models.runtimes.onnx_runtime", "asem_core.training.loop"]
)
