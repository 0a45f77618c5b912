"""What a model writes by itself: one token after another, each the most probable next one."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from selfattn.models.inputs.given import Input
from selfattn.models.model import Model
from selfattn.recording.doors import Recorder, recording
from selfattn.recording.edits import Edit, listed


def continuation(
    model: Model, given: Input, edits: Edit | Iterable[Edit] = (), *, most: int = 20, written: Sequence[int] = ()
) -> tuple[int, ...]:
    """The next tokens of a text, a translation or a transcript: at most `most`, and none after the one that ends it.

    Greedy: each is the first answer of `trace(model, given, edits, written=...)` after those before it. Nothing else
    has a say: no tokens that the model's generation settings forbid or penalise. But the token that they force to come
    first (`forced_bos_token_id`), or the mark of the target language of a `Translation`, is part of what the decoder
    starts from, and not of what is written.
    Raises ValueError for a model that does not write, for an input that it does not read, and for edits that `trace`
    refuses.
    """
    if not model.task.writes:
        raise ValueError(f"{model.name} writes no text: it is a {type(model.network).__name__}.")
    if isinstance(given, Mapping):
        raise ValueError(f"{model.name} goes on from what it reads; got tensors, which may be anything.")
    if most < 1:
        raise ValueError(f"At least one token is to be written; got {most}.")
    edits = listed(edits)
    model.check_edits(edits)
    recorder = Recorder(model.names, edits, keeps=False)
    _, inputs = model.inputs(given, written=written)
    name = "decoder_input_ids" if "decoder_input_ids" in inputs else "input_ids"
    ids = inputs.pop(name)
    if name == "input_ids":
        inputs = {}  # of one text without padding, the others say nothing
    found: list[int] = []
    room = most if model.room is None else min(most, model.room - ids.shape[1] + 1)
    cache, cached = None, _cache_name(model.network)
    with torch.inference_mode(), recording(recorder):
        while len(found) < room and not (found and found[-1] in model.ends):
            new = ids if cache is None else ids[:, -1:]
            before: dict[str, Any] = {} if cache is None else {cached: cache}
            output = model.network(**{name: new}, **inputs, **before, use_cache=not recorder.edits)
            # Edits name places in a whole text: under them each pass reads it from its start.
            cache = None if recorder.edits else output.get(cached)
            inputs = _after(inputs, output)
            found.append(int(output["logits"][0, -1].float().argmax()))
            ids = torch.cat([ids, ids.new_tensor([found[-1:]])], dim=1)
    return tuple(found)


def _cache_name(network: PreTrainedModel) -> str:
    """What a network calls its cache, as it takes it and as it gives it: Transformers renamed it in 5.24."""
    return "cache" if "cache" in inspect.signature(network.forward).parameters else "past_key_values"


def _after(inputs: dict[str, Tensor], output: Mapping[str, Any]) -> dict[str, Any]:
    """What later passes read: of a model with two stacks, what its encoder made of the input in the first pass."""
    encoded = output.get("encoder_last_hidden_state")
    if encoded is None:
        return inputs
    masks = {name: tensor for name, tensor in inputs.items() if name == "attention_mask"}
    return {"encoder_outputs": (encoded,), **masks}
