"""An attention microscope: what every head of a model computes, stage by stage, in the model's own numbers.

model = selfattn.load("sentiment")
trace = selfattn.trace(model, "The film was not good.", edits=[selfattn.Scale(None)])
trace.stages(layer=1, head=3).weights
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selfattn.analysis.interventions.means import means
    from selfattn.cli.show import show
    from selfattn.exports.weights import save_weights
    from selfattn.models.inputs.given import Chat, Illustrated, Pair, Picture, Sound, Translation
    from selfattn.models.inside import release
    from selfattn.models.loading.library import load
    from selfattn.models.model import Model
    from selfattn.recording.edits import Ablate, Cut, Mask, Scale, Similarity, Temperature
    from selfattn.tracing.many import traces
    from selfattn.tracing.trace import Trace, trace

_HOMES = {
    "selfattn.analysis.interventions.means": ("means",),
    "selfattn.models.inputs.given": ("Chat", "Illustrated", "Pair", "Picture", "Sound", "Translation"),
    "selfattn.models.inside": ("release",),
    "selfattn.models.loading.library": ("load",),
    "selfattn.models.model": ("Model",),
    "selfattn.recording.edits": ("Ablate", "Cut", "Mask", "Scale", "Similarity", "Temperature"),
    "selfattn.cli.show": ("show",),
    "selfattn.exports.weights": ("save_weights",),
    "selfattn.tracing.many": ("traces",),
    "selfattn.tracing.trace": ("Trace", "trace"),
}
__all__ = [
    "Ablate",
    "Chat",
    "Cut",
    "Illustrated",
    "Mask",
    "Model",
    "Pair",
    "Picture",
    "Scale",
    "Similarity",
    "Sound",
    "Temperature",
    "Trace",
    "Translation",
    "load",
    "means",
    "release",
    "save_weights",
    "show",
    "trace",
    "traces",
]


def __getattr__(name: str) -> Any:
    # PyTorch and Transformers take seconds to import: only who uses a name pays for it.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'selfattn' has no attribute {name!r}")
