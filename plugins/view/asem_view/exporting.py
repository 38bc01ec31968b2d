"""A folder with client, state and data that any web server can host."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from asem_core.errors import VolumeError
from asem_core.home import local_path
from asem_core.registry import Registry
from asem_core.volume import complete_or_absent, is_remote
from asem_view.layers import find_layers
from asem_view.page import CLIENT, HERE, PAGE, client_folder, render_page
from asem_view.server import DATA
from asem_view.state import state_of

_TO_CLIENT = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={CLIENT}/{PAGE}">'


def export(addresses: Sequence[str | Path], output: str | Path, *, registry: Registry | None = None) -> Path:
    """Make a folder that shows what lies at ``addresses`` (`find_layers`) wherever it is hosted.

    Local data are copied into it; what lies at https:// stays there, if its server lets browsers read it (CORS).

    Raises
    ------
    VolumeError
        Data that a browser cannot fetch by itself.
    OutputError
        ``output`` exists, has no room, or cannot be written.

    Examples
    --------
    >>> export(["cell.zarr", "mito.zarr"], "site")  # doctest: +SKIP
    """
    layers = find_layers(addresses, registry=registry)
    places: dict[str, str] = {}
    named = dict.fromkeys(layer.address for layer in layers if layer.address)
    for address in sorted(named, key=len):  # the outermost first
        if is_remote(address) and not address.startswith(("http://", "https://")):
            raise VolumeError(f"{address}: a page cannot fetch this by itself; give its https:// address")
        inside = next((known for known in places if address.startswith(f"{known}/")), None)
        if is_remote(address):
            places[address] = address
        elif inside is not None:
            places[address] = places[inside] + address.removeprefix(inside)
        else:
            places[address] = f"{HERE}/{DATA}/{len(places)}/{Path(address).name}"
    copied = {address: place.removeprefix(f"{HERE}/") for address, place in places.items()
              if place.startswith(HERE) and not any(address.startswith(f"{known}/") for known in places)}  # fmt: skip
    needed = sum(_bytes_in(Path(address)) for address in copied) + _bytes_in(client_folder())
    destination = local_path(output)
    with complete_or_absent(destination, needed_bytes=needed, overwrite=False, inputs=list(copied)) as partial:
        shutil.copytree(client_folder(), partial / CLIENT, ignore=shutil.ignore_patterns("*.map"))
        for address, place in copied.items():
            shutil.copytree(address, partial / place)
        (partial / CLIENT / PAGE).write_text(render_page(state_of(layers, places.__getitem__)), encoding="utf-8")
        (partial / PAGE).write_text(_TO_CLIENT, encoding="utf-8")
    return destination


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
