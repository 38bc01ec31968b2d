"""How the steps of a project ended."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from asem_core.project.steps import Step
from asem_core.project.verbs import Facts

State = Literal["done", "unchanged", "failed", "left out"]
STOPPING = ("failed", "left out")
"""States after which what needs the step is left out."""


@attrs.frozen(kw_only=True)
class Result:
    """How a step ended."""

    step: Step
    state: State
    """``"left out"``: a step that it needs failed."""
    seconds: float = 0.0
    facts: Facts = attrs.field(factory=dict)
    error: str | None = None

    def __str__(self) -> str:
        found = ", ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in self.facts.items())
        took = f" in {self.seconds:.0f} s" if self.state == "done" else ""
        said = self.error or found
        return f"{self.step.volume}, {self.step.name}: {self.state}{took}{': ' if said else ''}{said}"

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        about = {"volume": self.step.volume, "step": self.step.name, "output": str(self.step.output)}
        return {**about, "state": self.state, "seconds": self.seconds, "facts": dict(self.facts), "error": self.error}
