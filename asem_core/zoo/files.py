"""What the files of a package are called, and their digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

ONNX_NAME = "weights.onnx"
INT8_NAME = "weights_int8.onnx"
RDF_NAME = "rdf.yaml"
COVER_NAME = "cover.png"
README_NAME = "README.md"
ORGANELLE_NAME = "organelle.yaml"
STATE_DICT_NAME = "weights_state_dict.pt"
ARCHITECTURE_NAME = "unet.py"
MOMENTS_NAME = "moments.json"
TEST_INPUT_NAME = "test_input.npy"
TEST_OUTPUT_NAME = "test_output.npy"


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
