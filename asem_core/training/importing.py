"""A published checkpoint becomes a model package: from a file, or from where it is published."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import attrs

from asem_core.errors import ModelError
from asem_core.progress import Progress, silent
from asem_core.specs import CheckpointSpec, ModelSpec, OrganelleSpec
from asem_core.training.package import Packaged, package_network
from asem_core.training.published import read_checkpoint
from asem_core.volume.output import check_destination, held
from asem_core.zoo.download import download
from asem_core.zoo.files import file_sha256
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.manifest import MANIFEST, PACKAGE, check_files
from asem_core.zoo.site.pull import DOWNLOADS
from asem_core.zoo.store import check_id, install_package, model_store
from asem_core.zoo.write.card import Facts
from asem_core.zoo.write.checkpoint import checkpoint_card, file_name
from asem_core.zoo.write.origin import Imported
from asem_core.zoo.write.samples import texture

VERSION = "1.0.0"


def import_checkpoint(
    path: Path,
    folder: Path,
    *,
    spec: CheckpointSpec,
    date: str,
    organelle: OrganelleSpec | None = None,
    model_id: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Packaged:
    """Turn the checkpoint ``path`` into a package in ``folder``; nothing is left there if it fails.

    Parameters
    ----------
    spec
        What is known of it; see `asem_core.zoo.write.checkpoint.describe_checkpoint`.
    date
        ``YYYY-MM-DD``.
    organelle
        What the network finds, for the package to carry; None: it must be installed where the model is used.
    model_id
        Name of the model; by default the spec's.

    Raises
    ------
    ModelError
        It is no checkpoint of the ASEM network (the message names the first tensor that does not fit).
    OutputError
        The folder holds something (unless it is a package that ASEM wrote, and ``overwrite``), or cannot be written.

    Notes
    -----
    The weights stay as they are. Only what is stored as float16 is stored as float16 again.

    Examples
    --------
    >>> import_checkpoint(Path("er.pt"), Path("er"), spec=spec, date="2026-01-31")  # doctest: +SKIP
    """
    check_id(model_id or spec.model_id)
    check_destination(folder, overwrite=overwrite, kind=PACKAGE, inputs=[path])
    checkpoint = read_checkpoint(path)
    if spec.base not in (None, checkpoint.network.base):
        raise ModelError(
            f"{path} holds a network of base {checkpoint.network.base}, {spec.name} is one of base {spec.base}: "
            "it is another checkpoint; rename it and import it under its own name"
        )
    origin = Imported(
        spec=spec, file=path.name, sha256=file_sha256(path), dtype=checkpoint.dtype, iterations=checkpoint.iterations
    )
    facts = partial(
        Facts,
        id=model_id or spec.model_id,
        version=VERSION,
        organelle=spec.organelle,
        voxel_size_nm=spec.voxel_size_nm,
        origin=origin,
        scores=(),
        date=date,
    )
    return package_network(
        checkpoint.network,
        folder,
        card=checkpoint_card(spec),
        facts=facts,
        sample=texture(),
        organelle=organelle,
        normalise=spec.normalise,
        half=checkpoint.dtype == "float16",
        cover=False,
        inputs=[path],
        overwrite=overwrite,
        progress=progress,
    )


def install_checkpoint(
    path: Path,
    *,
    spec: CheckpointSpec,
    date: str,
    organelle: OrganelleSpec | None = None,
    model_id: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> ModelSpec:
    """`import_checkpoint` into the model store; the model as it is stored."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "package"
        import_checkpoint(path, folder, spec=spec, date=date, organelle=organelle, model_id=model_id, progress=progress)
        return install_package(folder, overwrite=overwrite)


def pull_checkpoint(
    spec: CheckpointSpec, *, date: str, source: str | None = None, overwrite: bool = False, progress: Progress = silent
) -> ModelSpec:
    """Fetch a registered checkpoint and install it as a package; a model that is in the store already stays.

    Parameters
    ----------
    source
        Where to get it instead of ``spec.uri``: the address of the file, or of the folder that holds it.
    overwrite
        Fetch it anew and replace the model of that name.

    Raises
    ------
    ModelError
        It cannot be fetched (what has come is kept, the same call goes on), it is not what is registered, or what is
        in the store is damaged.
    """
    there = model_store() / spec.model_id
    if (there / MANIFEST).is_file() and not overwrite:
        check_description(there)
        return check_files(there)
    if source is not None:
        inside = source if source.endswith(Path(file_name(spec)).suffix) else f"{source.rstrip('/')}/{file_name(spec)}"
        spec = attrs.evolve(spec, uri=inside)
    file = model_store() / DOWNLOADS / file_name(spec)
    with held(file):
        download(spec.uri, file, sha256=spec.sha256, progress=progress)
        try:
            return install_checkpoint(file, spec=spec, date=date, overwrite=overwrite, progress=progress)
        finally:
            file.unlink()
