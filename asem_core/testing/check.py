"""A check and what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

import attrs

from asem_core.errors import AsemError
from asem_core.plugins import attempt


class NotChecked(Exception):  # noqa: N818  # no error: there was nothing to check, or no means
    """Raised by a check that cannot be made here; the text says why, and what would make it possible."""


@attrs.frozen(kw_only=True)
class Finding:
    """What one check found."""

    check: str
    """Of what, and what was checked: ``label rule 'shave': idempotent``."""
    problems: tuple[str, ...] = ()
    """One line each, why and what to do; none: passed, unless it was not made."""
    skipped: str | None = None
    """Why it was not made."""

    @property
    def state(self) -> str:
        """``passed``, ``failed`` or ``skipped``."""
        if self.problems:
            return "failed"
        return "passed" if self.skipped is None else "skipped"

    def __str__(self) -> str:
        why = "; ".join(self.problems) or self.skipped
        return f"{self.state:<8}{self.check}" + (f": {why}" if why else "")


@attrs.frozen(kw_only=True)
class Check:
    """One thing that a plugin must do."""

    subject: str
    """Of what: ``label rule 'shave'``."""
    name: str
    """What is checked, in a few words."""
    find: Callable[[], Iterable[str]]
    """Gives the problems, one line each. What it raises is a problem too; `NotChecked` says that it cannot tell."""

    def __str__(self) -> str:
        return f"{self.subject}: {self.name}"

    def perform(self) -> Finding:
        """Make the check; whatever the plugin does, this returns.

        Examples
        --------
        >>> print(Check(subject="sum", name="finite", find=lambda: [] if 1 + 1 == 2 else ["it is not"]).perform())
        passed  sum: finite
        """
        finding, why = attempt(self._found)
        return finding or Finding(check=str(self), problems=(str(why),))

    def _found(self) -> Finding:
        try:
            return Finding(check=str(self), problems=tuple(self.find()))
        except NotChecked as why:
            return Finding(check=str(self), skipped=str(why))
        except AsemError as error:
            return Finding(check=str(self), problems=(" ".join(str(error).split()),))


def after(first: Sequence[Check], check: Check) -> Check:
    """``check``, made only where none of ``first`` fails: what cannot work without something is said once."""

    def find() -> Iterable[str]:
        failed = [str(each) for each in first if each.perform().problems]
        if failed:
            raise NotChecked(f"failed before: {failed[0]}")
        return check.find()

    return attrs.evolve(check, find=find)


def in_turn(checks: Iterable[Check], *, base: int = 1) -> Iterator[Check]:
    """``checks``, of which those from the one of number ``base`` on are made where the ones up to it pass."""
    made: list[Check] = []
    for check in map(remembered, checks):
        yield after(made[:base], check)
        made.append(check)


def remembered(check: Check) -> Check:
    """``check``, which looks once: others that depend on it ask again."""
    return attrs.evolve(check, find=cache(lambda: tuple(check.find())))
