"""One forward pass: what it may read, the run itself, and what of its output is no prediction."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from selfattn.models.answers.pooling import pooled
from selfattn.models.answers.predictions import Prediction
from selfattn.models.answers.similarity import similarity
from selfattn.models.budgets import budget
from selfattn.models.inputs import sounds
from selfattn.models.inputs.given import main_input, uncached
from selfattn.models.model import Model
from selfattn.recording.doors import Recorder, recording
from selfattn.recording.edits import Edit

GRIDS = ("grid_thw", "image_grid_thw")


def check(model: Model, inputs: Mapping[str, Tensor], edited: bool) -> None:
    """Raise ValueError for tensors that the model does not read, or that would not fit in memory."""
    name = main_input(model.network)
    if name not in inputs:
        raise ValueError(f"{model.name} reads {name}; the tensors given are {', '.join(inputs) or 'none'}.")
    main = inputs[name]
    # Patches of all pictures stand in one row, and a grid says whose they are.
    count = len(main) if name == "input_ids" else len(next((inputs[grid] for grid in GRIDS if grid in inputs), main))
    if count != 1:
        raise ValueError(f"A trace follows one text; got a batch of {count}.")
    tokens = main.shape[1] if name == "input_ids" and main.dim() == 2 else sounds.frames(model.network, inputs)
    if tokens is not None and model.tested:
        budget(model, tokens, edited).check()


def forward(model: Model, recorder: Recorder, inputs: Mapping[str, Tensor]) -> Mapping[str, Any]:
    """The model's output over the whole input."""
    with torch.inference_mode(), recording(recorder):
        # A cache would keep keys and values once more; one pass over the whole text needs none.
        return model.network(**inputs, **uncached(model.network))


def check_finite(model: Model, output: Mapping[str, Any]) -> None:
    """Raise ValueError for an output that is not finite."""
    for name in ("logits", "prediction_logits", "start_logits", "end_logits"):
        said = output.get(name)
        # The least and the largest are not finite where any number is not: no mask of a long text's labels is made.
        if isinstance(said, Tensor) and not torch.stack(said.aminmax()).isfinite().all():
            raise ValueError(f"The output of {model.name} is not finite in {model.network.dtype}; load it as float32.")


def last_of(output: Mapping[str, Any]) -> Float[Tensor, "token d"] | None:
    """The last layer's output: the encoder's, where there is a decoder too. None where it is not given."""
    last = output.get("encoder_last_hidden_state", output.get("last_hidden_state"))
    return None if last is None else last[0].float().cpu()


def compare(model: Model, second: dict[str, Tensor], edits: tuple[Edit, ...], first: Float[Tensor, " d"]) -> Prediction:
    """How alike two texts are to the model: the second runs under `edits`, and is not recorded."""
    last = last_of(forward(model, Recorder(model.names, edits, keeps=False), second))
    assert last is not None  # the first text's run had one
    return similarity(first, pooled(last, second.get("attention_mask"), model.pooling), model.pooling)
