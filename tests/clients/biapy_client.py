"""What BiaPy makes of a package, in an environment that has BiaPy and nothing of ASEM.

    python biapy_client.py MODEL.zip INPUT.npy OUTPUT.npy

INPUT.npy holds grey values (z, y, x), 0..255. BiaPy looks a model up on bioimage.io, by its name; what that would
answer is the package's own description here, and all that follows is BiaPy's: whether it takes the model, which
normalisation it makes of the stages, weights, prediction.
"""

import sys
import zipfile

import numpy as np
import torch
import yaml

# PyPI's torchvision is built for CUDA: beside a torch for the processor its operators do not load, and it is not
# imported where these two, which nothing here calls, are unknown.
operators = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    operators.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import biapy.models  # noqa: E402


def main(package: str, given: str, made: str) -> None:
    with zipfile.ZipFile(package) as archive:
        answer = {"raw": {"manifest": yaml.safe_load(archive.read("rdf.yaml"))}}
    biapy.models.find_bmz_models = lambda *_, **__: [answer]
    model = biapy.BiaPy.load_workflow_from_model(package)
    found = model.predict(np.load(given)[..., np.newaxis])
    np.save(made, found[..., 0].astype(np.float32))


if __name__ == "__main__":
    main(*sys.argv[1:])
