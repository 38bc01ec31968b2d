"""Many volumes by one file: every step that they need, each done once, and one table and one page of all.

==============  =========================================================================
``read``        the file: volumes, organelles, analyses
``steps``       what it asks for, in order: convert, mask, segment, instances, evaluate, analyze
``site``        where the files of a volume lie; ``verbs``: the calls that make them
``records``     what has been done, and from what; ``results``: how steps ended
``run``         `run_project`: the steps that are not done yet; a volume that fails stops no other
``summary``     the table; ``conditions``: which cells the page compares
==============  =========================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.project.read import Project, read_project
    from asem_core.project.run import Ran, run_project

__all__ = ["Project", "Ran", "read_project", "run_project"]
__getattr__, __dir__ = lazy_names(__name__)
