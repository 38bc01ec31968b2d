"""Weights that training begins from: a new network's, or those of a model that has learned something already."""

from __future__ import annotations

from pathlib import Path

import attrs
import torch
from torch import nn

from asem_core.errors import RecipeError
from asem_core.models.moments import graph_weights
from asem_core.registry import Registry
from asem_core.training.recipe import Recipe
from asem_core.training.unet import ConvPass, UNet
from asem_core.training.unfold import without_effect
from asem_core.zoo.files import ONNX_NAME
from asem_core.zoo.find import package_of
from asem_core.zoo.manifest import MANIFEST, read_manifest
from asem_core.zoo.write.origin import in_words
from asem_core.zoo.write.stages import FIXED, is_fixed

_HEAD = "final_conv_pass.conv_pass.0.weight"


def make_network(recipe: Recipe, registry: Registry) -> UNet:
    """A network with the weights that ``recipe`` begins from.

    Those of ``recipe.start``, with normalisations that change nothing where the network normalises (to be followed by
    `unfold`); else random ones: PyTorch's default, or He where the network normalises.

    Raises
    ------
    ModelError
        There is no model ``recipe.start``, or it has no graph of ASEM's.
    RecipeError
        They are those of another network.
    """
    torch.manual_seed(recipe.seed)
    network = UNet(recipe.base, normalise=recipe.normalise)
    if recipe.start is not None:
        plain = network_of(recipe.start, registry)
        if plain.base != recipe.base:
            raise RecipeError(
                f"cannot start from {recipe.start!r}: it is a U-Net of base {plain.base}, the recipe's has base "
                f"{recipe.base}; a network starts from one of its own size"
            )
        network = without_effect(plain) if recipe.normalise else plain
    elif recipe.normalise:
        for module in network.modules():
            if isinstance(module, ConvPass):
                for layer in module.conv_pass:
                    if isinstance(layer, nn.Conv3d):
                        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return network


def with_stages(recipe: Recipe, registry: Registry) -> Recipe:
    """``recipe`` with the stages of the model that it starts from, where it names none itself.

    Raises
    ------
    ModelError
        There is no model ``recipe.start``.
    RecipeError
        Its last stage is not the fixed scale that training applies.
    """
    if recipe.preprocess is not None or recipe.start is None:
        return recipe
    with package_of(recipe.start, registry=registry) as folder:
        stages = read_manifest(folder).preprocess if (folder / MANIFEST).is_file() else (FIXED,)
    if not stages or not is_fixed(stages[-1]):
        raise RecipeError(
            f"cannot start from {recipe.start!r}: its last stage is {in_words(stages[-1:]) or 'missing'}, "
            f"that of every training {in_words((FIXED,))}"
        )
    return attrs.evolve(recipe, preprocess=stages[:-1] or None)


def network_of(name: str, registry: Registry) -> UNet:
    """The network of the package ``name``, with its weights; see `asem_core.zoo.find.package_of`.

    They are read from its graph, which holds what its PyTorch file does and runs no code.

    Raises
    ------
    ModelError
        There is no such model, or it has no graph of ASEM's.
    RecipeError
        Its weights are no U-Net of ASEM's.
    """
    with package_of(name, registry=registry) as folder:
        return network_of_graph(folder / ONNX_NAME)


def network_of_graph(onnx: Path) -> UNet:
    """The network of the graph of a package of ours.

    Raises
    ------
    ModelError
        It is no ONNX file, or has no weights of a network of ASEM's.
    RecipeError
        Its weights are no U-Net of ASEM's.
    """
    state = {name: torch.from_numpy(values.copy()) for name, values in graph_weights(onnx).items()}
    try:
        network = UNet(base=int(state[_HEAD].shape[1]))
        network.load_state_dict(state)
    except (RuntimeError, LookupError) as error:
        raise RecipeError(
            f"cannot start from {onnx}: its weights are no U-Net of ASEM ({' '.join(str(error).split())[:200]})"
        ) from None
    return network
