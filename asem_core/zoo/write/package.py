"""Writing a model package: a bioimage.io folder from weights, samples, a card and the record of the training."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import asem_core
from asem_core.draw.cover import write_cover
from asem_core.errors import ModelError
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.zoo.files import (
    ARCHITECTURE_NAME,
    COVER_NAME,
    ONNX_NAME,
    README_NAME,
    STATE_DICT_NAME,
    TEST_INPUT_NAME,
    TEST_OUTPUT_NAME,
    file_sha256,
)
from asem_core.zoo.manifest import MANIFEST, write_manifest
from asem_core.zoo.organelle import write_organelle
from asem_core.zoo.write.card import Card, Facts, card_text, flat_scores
from asem_core.zoo.write.rdf import write_description
from asem_core.zoo.write.samples import Samples
from asem_core.zoo.write.state_dict import state_dict_bytes


def write_package(
    folder: Path,
    *,
    card: Card,
    facts: Facts,
    samples: Samples,
    onnx: Path,
    organelle: OrganelleSpec | None = None,
    records: Sequence[Path] = (),
) -> ModelSpec:
    """Write the package into ``folder``, which must not hold anything yet.

    Parameters
    ----------
    folder
        Where it goes; made if missing.
    card, facts
        What the card and ``rdf.yaml`` say.
    samples
        Test tensors and cover, of these weights.
    onnx
        The weights, as `asem_core.training.export` writes them.
    organelle
        What the model finds, which the package carries; None: it must be installed where the model is used.
    records
        Files that tell of the training, copied.

    Returns
    -------
    ModelSpec
        What ``model.json`` holds; its ``package`` is the folder.

    Raises
    ------
    ModelError
        The folder is not empty, or bioimage.io refuses the description.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ModelError(f"{folder} is not empty: choose another folder, or pass --overwrite")
    architecture = Path(asem_core.__file__).parent / "training" / ARCHITECTURE_NAME
    for source, name in (
        (onnx, ONNX_NAME),
        (architecture, ARCHITECTURE_NAME),
        *((record, record.name) for record in records),
    ):
        shutil.copyfile(source, folder / name)
    (folder / STATE_DICT_NAME).write_bytes(state_dict_bytes(onnx))
    np.save(folder / TEST_INPUT_NAME, samples.test_input[None, None].astype(np.float32))
    np.save(folder / TEST_OUTPUT_NAME, samples.test_output[None, None].astype(np.float32))
    write_cover(folder / COVER_NAME, *samples.cover)
    (folder / README_NAME).write_text(card_text(card, facts))
    spec = model_spec(card, facts, package=str(folder), sha256=file_sha256(folder / ONNX_NAME))
    write_manifest(spec, folder)
    carried = [] if organelle is None else [write_organelle(organelle, folder)]
    write_description(card, facts, folder, attachments=(*(file.name for file in (*records, *carried)), MANIFEST))
    return spec


def model_spec(card: Card, facts: Facts, *, package: str, sha256: str) -> ModelSpec:
    """What the plugin registers for this package."""
    return ModelSpec(
        id=facts.id,
        version=facts.version,
        package=package,
        voxel_size_nm=facts.voxel_size_nm,
        preprocess=facts.stages,
        sha256=sha256,
        licence=" ".join(card.licence.split()),
        trained_on=" ".join(card.trained_on.split()),
        scores=flat_scores(facts.scores),
        grey=facts.grey,
    )


def zip_size(folder: Path) -> int:
    """Bytes that the files of ``folder`` take as a zip."""
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return buffer.tell()
