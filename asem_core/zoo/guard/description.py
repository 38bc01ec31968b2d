"""A package from elsewhere as a whole: its description, and every file that it names."""

from __future__ import annotations

from pathlib import Path

from asem_core.errors import ModelError
from asem_core.zoo.files import INT8_NAME, file_sha256
from asem_core.zoo.guard.names import is_remote, local_file
from asem_core.zoo.guard.onnx_file import check_onnx
from asem_core.zoo.guard.pickle_file import check_state_dict
from asem_core.zoo.moments import read_moments
from asem_core.zoo.rdf import description_path, named_files, read_description
from asem_core.zoo.whole import STATE_DICT_PLACE, absent_state_dict

_MAY_BE_REMOTE = ("attachments", "documentation", "covers", "sample_inputs", "sample_outputs")
"""Those that nothing here opens."""


def check_description(folder: Path) -> None:
    """Check the description in ``folder`` and every file that it names; nothing of them is run.

    Parameters
    ----------
    folder
        An unpacked bioimage.io model.

    Raises
    ------
    ModelError
        There is no description, it is no plain YAML or describes no model; a file that it names is missing, lies
        outside the folder or elsewhere, or has another sha256 than stated; ONNX weights do not pass `check_onnx`,
        PyTorch weights not `check_state_dict`, or they are left out and not what the graph gives (`whole`);
        a test tensor is no plain array; ``moments.json`` holds no moments.
    """
    values = read_description(folder)
    read_moments(folder)
    for named in named_files(values):
        part = named.place.split(".")[0]
        if part in _MAY_BE_REMOTE and is_remote(named.name):
            continue
        if named.place == STATE_DICT_PLACE and absent_state_dict(folder) is not None:
            continue
        path = local_file(folder, named.name, f"{description_path(folder)}, {named.place}")
        if named.sha256 is not None and (found := file_sha256(path)) != named.sha256.lower():
            raise ModelError(
                f"the sha256 of {path} is {found}, expected {named.sha256} ({named.place}); "
                "the file was changed or damaged: get the package again"
            )
        _check_content(path, named.place)


def _check_content(path: Path, place: str) -> None:
    if place == "weights.onnx.source" or path.name == INT8_NAME:
        check_onnx(path)
    elif place == "weights.pytorch_state_dict.source":
        check_state_dict(path)
    elif place.startswith(("test_", "inputs", "outputs")) and path.suffix == ".npy":
        _check_array(path)


def _check_array(path: Path) -> None:
    import numpy as np

    try:
        np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(
            f"{path} holds no plain array ({' '.join(str(error).split())}): get the package again"
        ) from None
