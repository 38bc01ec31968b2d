"""How Sphinx makes one site of these pages: ``make docs``."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "ASEM"
author = "The ASEM developers"
release = metadata.version("asem-core")
html_title = f"ASEM {release}"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
    "generated",
]
exclude_patterns = ["_build", "_ext", "_templates"]
templates_path = ["_templates"]

myst_heading_anchors = 4
nb_execution_mode = "force"  # what a tutorial shows is what this version does
nb_execution_in_temp = True
nb_execution_timeout = 600  # s
nb_execution_raise_on_error = True
nb_output_stderr = "remove-warn"
nb_merge_streams = True
default_role = "py:obj"
smartquotes = False  # of --option they make another one
suppress_warnings = ["ref.python"]  # two packages may have a name, and a docstring says it without its package

autosummary_ignore_module_all = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "pygments_light_style": "tango",
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
