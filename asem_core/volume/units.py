"""Units of length as files spell them, in nanometres."""

from __future__ import annotations

import unicodedata

_NAMES = {
    1e-3: ("pm", "picometer", "picometre"),
    0.1: ("å", "angstrom", "ångström", "ångstrom"),
    1.0: ("nm", "nanometer", "nanometre", "[n_m]"),
    1e3: ("um", "μm", "\\u00b5m", "\\u03bcm", "micron", "micrometer", "micrometre"),
    1e6: ("mm", "millimeter", "millimetre"),
    1e7: ("cm", "centimeter", "centimetre"),
    1e9: ("m", "meter", "metre"),
    2.54e7: ("in", "inch"),
}
"""Names in lower case and singular. ImageJ writes what is not ASCII as an escape; EMD writes ``[n_m]``."""
_NM_PER_UNIT = {"\\u00c5".lower(): 0.1, "inches": 2.54e7} | {
    name + plural: nm for nm, names in _NAMES.items() for name in names for plural in ("", "s" if len(name) > 4 else "")
}


def nm_per(unit: object) -> float:
    """Nanometres in one ``unit``.

    Raises
    ------
    ValueError
        It is no unit of length, such as None, ``""`` and ``"pixel"``; the message shows it and those that are known.

    Examples
    --------
    >>> nm_per("Microns"), nm_per("Å")
    (1000.0, 0.1)
    """
    text = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str("" if unit is None else unit)
    name = unicodedata.normalize("NFKC", text).strip().strip("\0").lower()
    if not name:
        raise ValueError("it has no length unit")
    if name not in _NM_PER_UNIT:
        known = ", ".join(dict.fromkeys(names[0] for names in _NAMES.values()))
        raise ValueError(f"unknown length unit {text!r}; known: {known}, and their names, such as nanometer")
    return _NM_PER_UNIT[name]
