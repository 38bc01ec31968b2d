"""``asem annotate open``: napari with everything set."""

from __future__ import annotations

import napari

from asem_annotate.session import Session
from asem_annotate.viewer.desk import Desk


def open_napari(session: Session) -> None:
    """Show ``session`` in a window, until it is closed."""
    window_of(session)
    napari.run()


def window_of(session: Session) -> tuple[napari.Viewer, Desk]:
    """A window in which ``session`` goes on, and its widget."""
    viewer = napari.Viewer(title=f"ASEM: {session.scene.raw.uri}")
    widget = "Annotate" if session.prediction is None else "Correct"
    _, desk = viewer.window.add_plugin_dock_widget("asem-annotate", widget)
    desk.show_session(session)
    return viewer, desk
