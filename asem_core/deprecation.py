"""How a public name or parameter goes: for one minor version it warns, and then it is no longer there.

A function or class is marked, and type checkers see it too::

    @deprecated("asem_core.zoo.pull goes with asem-core 0.3: use asem_core.zoo.fetch")
    def pull(...): ...

What no decorator can mark, such as a parameter, warns where it is given (`warn_going`). The text is the same, and a
test reads it: ``WHAT goes with asem-core MINOR.VERSION: WHAT TO DO``.
"""

from __future__ import annotations

import warnings

from typing_extensions import deprecated as deprecated


def warn_going(what: str, *, gone_in: str, instead: str) -> None:
    """Warn whoever called the function that calls this.

    Parameters
    ----------
    what
        A parameter or a value, with what it is of: ``block of asem_core.analyze``.
    gone_in
        Minor version of ``asem-core`` that no longer has it: the one after that which first warns, or a later one.
    instead
        What to do: ``leave it out``.

    Examples
    --------
    >>> def analyze(*, block=None):
    ...     if block is not None:
    ...         warn_going("block of asem_core.analyze", gone_in="0.3", instead="leave it out")
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     analyze(block=2)
    >>> print(told[0].message)
    block of asem_core.analyze goes with asem-core 0.3: leave it out
    """
    warnings.warn(f"{what} goes with asem-core {gone_in}: {instead}", DeprecationWarning, stacklevel=3)
