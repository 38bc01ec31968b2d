"""Layers in a browser: for somebody to look at, or as a picture."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import attrs
from PIL import Image

from asem_core.draw import check_png, save_png
from asem_core.errors import AsemError
from asem_core.home import local_path
from asem_core.registry import Registry
from asem_view.browser import photograph
from asem_view.layers import Layer, find_layers
from asem_view.page import HERE, render_page
from asem_view.server import DATA, Server
from asem_view.state import state_of


@attrs.frozen(kw_only=True)
class Viewer:
    """Layers that are being served."""

    address: str
    """What to open in a browser."""
    layers: tuple[Layer, ...]


@contextmanager
def view(addresses: Sequence[str | Path], *, port: int = 0, registry: Registry | None = None) -> Iterator[Viewer]:
    """Serve what lies at ``addresses`` to browsers on this machine, as long as the block runs.

    Parameters
    ----------
    addresses
        See `find_layers`.
    port
        Of 127.0.0.1; 0: any that is free.

    Raises
    ------
    VolumeError
        See `find_layers`.

    Examples
    --------
    >>> with view(["cell.zarr", "mito.zarr"]) as viewer:  # doctest: +SKIP
    ...     input(viewer.address)
    """
    layers = find_layers(addresses, registry=registry)
    names = {layer.address: f"{number}" for number, layer in enumerate(layers) if layer.address}
    page = render_page(state_of(layers, lambda address: f"{HERE}/{DATA}/{names[address]}"))
    try:
        server = Server(page, {name: address for address, name in names.items()}, port=port)
    except OSError as error:
        raise AsemError(f"port {port} cannot be used ({error.strerror}): take another, or none") from None
    try:
        yield Viewer(address=server.url, layers=tuple(layers))
    finally:
        server.close()


def open_browser(viewer: Viewer) -> bool:
    """Show ``viewer`` in the browser of this desktop; False where there is none."""
    return webbrowser.open(viewer.address)


def screenshot(viewer: Viewer, output: str | Path, *, size: tuple[int, int] = (1200, 900)) -> Path:
    """A picture of ``viewer``, when all that it shows is there.

    Parameters
    ----------
    output
        PNG file; one that ASEM drew is replaced.
    size
        Width and height in pixels.

    Raises
    ------
    OutputError
        Something else lies at ``output``.
    AsemError
        There is no browser, or it drew nothing.
    """
    picture = check_png(local_path(output))
    with Image.open(BytesIO(photograph(viewer.address, size=size))) as image:
        save_png(image, picture)
    return picture
