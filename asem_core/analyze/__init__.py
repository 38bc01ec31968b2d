"""Measurements on segmentations: what an analysis is given, how it runs, and the tables that it leaves."""

from asem_core.analyze.run import analyze
from asem_core.analyze.tables import write_tables
from asem_core.analyze.view import View, open_view

__all__ = ["View", "analyze", "open_view", "write_tables"]
