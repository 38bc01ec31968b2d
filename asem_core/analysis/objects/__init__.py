"""The analysis ``objects``: size, shape, skeleton and neighbours of any organelle.

``params`` what can be set; ``analysis`` the order of the work and the table; ``blocks`` sums that a block contributes;
``faces`` surface; ``shape`` from sums to numbers; ``skeleton``; ``nearest``.
"""

__all__: list[str] = []
