"""What plugins register: frozen data, no code. Imports attrs and the standard library only.

==============  ==============================================================================
``stages``      preprocessors, label rules, exclusion zones; how one is named with parameters
``volumes``     readers, data sets
``models``      models, published checkpoints
``organelles``  organelles
``analyses``    analyses, figures on their pages
``runtimes``    runtimes; what observers of a run are told
``fields``      what fields may hold
==============  ==============================================================================

Heavy code is named as ``"package.module:function"`` and resolved on use, so that listing plugins stays cheap. Every
field accepts its annotated type and nothing else.
"""

from asem_core.specs.analyses import ANALYSIS_INPUTS, DTYPES, OTHER, AnalysisSpec, FigureSpec, Output
from asem_core.specs.fields import FloatTriple, Triple
from asem_core.specs.models import (
    CheckpointSpec,
    ModelSpec,
    PublishedScore,
    TrainedGrey,
    model_of,
    packaged_models,
)
from asem_core.specs.organelles import OrganelleSpec, Separation
from asem_core.specs.runtimes import Capabilities, Precision, RunEvent, RuntimeSpec
from asem_core.specs.stages import ExclusionZoneSpec, LabelRuleSpec, PreprocessorSpec, StageRef
from asem_core.specs.volumes import DatasetBlock, DatasetSpec, ReaderSpec

__all__ = [
    "ANALYSIS_INPUTS",
    "DTYPES",
    "OTHER",
    "AnalysisSpec",
    "Capabilities",
    "CheckpointSpec",
    "DatasetBlock",
    "DatasetSpec",
    "ExclusionZoneSpec",
    "FigureSpec",
    "FloatTriple",
    "LabelRuleSpec",
    "ModelSpec",
    "OrganelleSpec",
    "Output",
    "Precision",
    "PreprocessorSpec",
    "PublishedScore",
    "ReaderSpec",
    "RunEvent",
    "RuntimeSpec",
    "Separation",
    "StageRef",
    "TrainedGrey",
    "Triple",
    "model_of",
    "packaged_models",
]  # fmt: skip
