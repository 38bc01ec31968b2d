"""A repository for a plugin, rendered from templates: it works at once, and its author replaces what it does.

``common`` holds what every plugin has; a folder per kind what is its own. Files end in ``.jinja``; ``PACKAGE`` and
``PACKAGE_NAME`` in their names stand for the import package and for the plugin's name in Python.
"""

from asem_core.template.write import KINDS, new_plugin

__all__ = ["KINDS", "new_plugin"]
