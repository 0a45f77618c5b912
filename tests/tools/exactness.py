"""How exact is what is recorded? Measured on tiny networks, against the network's own eager output and a slow loop.

What `tests/test_architectures.py` asserts and `tests/benchmarks/architectures.py` prints. The network to compare with
is always a fresh one that never saw our door.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

import torch
import transformers as hf
from torch import Tensor

from selfattn import Ablate, Cut, Mask, Scale, Similarity, Temperature
from selfattn.maths.masks import global_tokens, padding, window
from selfattn.recording.call import Call
from selfattn.recording.doors import Recorder, door, install, largest, recording
from tests.tools import slow, tiny

# One of each kind of edit.
EDITS = {
    "no scale": Scale(None),
    "scale": Scale(0.3),
    "temperature": Temperature(2.5),
    "mask": Mask(window(3)),
    "mask in place of the model's": Mask(padding & (window(4) | global_tokens([0])), replace=True, heads={0}),
    "cut before the softmax": Cut({(2, 1), (5, 0), (6, 6)}),
    "cut after the softmax": Cut({(2, 1), (5, 0), (6, 6)}, renormalise=False),
    "ablation to zero": Ablate("zero", heads={1}),
    "ablation to the mean": Ablate("mean", heads={0}),
    "cosine": Similarity("cosine"),
    "rbf": Similarity("rbf", heads={1}),
}
NEW_TOKENS = 5


def through_the_door(name: str, dtype: torch.dtype = torch.float32) -> hf.PreTrainedModel:
    """A fresh network, loaded as anyone loads it, with the door installed."""
    made = tiny.network(name).to(dtype)
    install(made)
    return made


def result(output: Any) -> Tensor:
    """What the network is run for: its logits, or its last hidden state where it has no head."""
    return output["logits"] if "logits" in output else output["last_hidden_state"]


@torch.inference_mode()
def run(made: hf.PreTrainedModel, inputs: dict[str, Tensor], **keywords: Any) -> Any:
    """One forward pass over the whole text."""
    return made(**inputs, use_cache=False, **keywords)


def record(made: hf.PreTrainedModel, inputs: dict[str, Tensor], *edits: Any) -> tuple[Tensor, Recorder]:
    """The output and the record of one forward pass."""
    with recording(Recorder({module: path for path, module in made.named_modules()}, edits)) as recorder:
        return result(run(made, inputs)), recorder


@dataclass(frozen=True)
class Measured:
    """One forward pass over a batch of two, recorded, beside networks that never saw our door."""

    door: str
    calls: list[Call]
    weights: float  # max |weights - the eager network's own output_attentions|; NaN in half precision
    context: float  # max |context recomputed - context used|, as a share of the largest |context| above 1
    silent: bool  # is the output bit-identical, behind the door and while it is recorded?
    contrast: float  # in the flattest call, max |weights - uniform weights|
    future: float  # the largest weight above the diagonal


def measure(name: str, side: Literal["left", "right"] = "right", dtype: torch.dtype = torch.float32) -> Measured:
    """Record one forward pass, and compare.

    In half precision only contexts are compared, float32 with the network's own rounding. The weights that an eager
    network reports are no yardstick there: it rounds its scores, of which the fused kernel that networks run by default
    makes no matrix.
    """
    made = through_the_door(name, dtype)
    inputs = tiny.batch(made, side)
    plain = result(run(tiny.network(name).to(dtype), inputs))
    recorded, recorder = record(made, inputs)
    largest_context = largest(used.abs().max().item() for _, used in recorder.samples)
    weights = [all_weights(call) for call in recorder.calls]
    uniform = [
        call.keep_of_heads() / call.keep_of_heads().sum(-1, keepdim=True).clamp(min=1) for call in recorder.calls
    ]
    return Measured(
        door=door(made),
        calls=recorder.calls,
        weights=weights_difference(name, inputs, recorder.calls) if dtype == torch.float32 else torch.nan,
        context=largest(recorder.differences()) / max(1.0, largest_context),
        silent=torch.equal(recorded, plain) and torch.equal(result(run(made, inputs)), plain),
        contrast=min((own[0] - flat).abs().max().item() for own, flat in zip(weights, uniform, strict=True)),
        future=largest(own.triu(1).max().item() for own in weights),
    )


def all_weights(call: Call) -> Tensor:
    """The weights of every head, by the stages that a reader sees, (batch, head, query, key)."""
    texts, heads = range(len(call.query)), range(call.heads)
    return torch.stack([torch.stack([call.stages(head, batch=text).weights for head in heads]) for text in texts])


def weights_difference(name: str, inputs: dict[str, Tensor], calls: list[Call]) -> float:
    """`max |weights - the weights that the eager network itself reports|`, over texts, heads and queries."""
    eager = tiny.network(name, "eager")
    own = run(eager, inputs, output_attentions=True)
    # PyTorch's own attention, which WavLM calls, reports the average of its heads for each of them.
    averaged = eager.config.model_type == "wavlm"
    mask = inputs.get("attention_mask")
    return largest(difference(call, its, mask, averaged) for call, its in own_weights(eager, own, calls))


def own_weights(eager: hf.PreTrainedModel, output: Any, calls: list[Call]) -> list[tuple[Call, Tensor]]:
    """The calls of which the eager network reports the weights, and those, (batch, head, query, key)."""
    if output.get("attentions") is None:
        stacks = {name: list(output[name] or ()) for name in output if name.endswith("_attentions")}
        names = ["cross_attentions" if call.kind == "cross" else f"{call.part}_attentions" for call in calls]
        return [(call, stacks[name].pop(0)) for call, name in zip(calls, names, strict=True)]
    # Networks of stages report the last layer of each; none reports the attention that pools its tokens into one.
    layers = [call for call in calls if call.shape[0] > 1]
    depths = getattr(eager.config, "depths", None)
    places = range(len(layers)) if depths is None else [layer - 1 for layer in accumulate(depths)]
    return [(layers[place], weights) for place, weights in zip(places, output["attentions"], strict=True)]


def difference(call: Call, own: Tensor, mask: Tensor | None, averaged: bool = False) -> float:
    """`max |weights - own weights|` over texts, heads and queries that are no padding."""
    assert own.shape == (len(call.query), call.heads, *call.shape), "the network's weights are of another call"
    weights = all_weights(call)
    if averaged:
        weights = weights.mean(1, keepdim=True).expand_as(weights)
    # The mask of two stacks is the encoder's, and that of a sound counts samples.
    if mask is None or mask.shape[1] != call.shape[0]:
        mask = torch.ones(len(own), call.shape[0])
    return (weights - own).transpose(1, 2)[mask.bool()].abs().max().item()


def edit_differences(name: str) -> dict[str, float | str]:
    """For each kind of edit: `max |output - output of a slow loop|`, or the sentence that refuses it.

    In float64, but for what cannot run in it. NaN where there is no slow loop for the architecture.
    """
    dtype = torch.float32 if name == "xglm" else torch.float64
    made, plain = through_the_door(name, dtype), tiny.network(name).to(dtype)
    for each in (made, plain):
        if each._can_set_experts_implementation():
            each.set_experts_implementation("eager")  # the fused one has no float64
    inputs = tiny.inputs(made, padded=True)
    unedited, _ = record(made, inputs)
    found: dict[str, float | str] = {}
    for label, edit in EDITS.items():
        try:
            edited, recorder = record(made, inputs, edit)
        except ValueError as refusal:
            found[label] = str(refusal)
            continue
        # A scale that is 1 already is not changed by leaving it out.
        if label != "no scale" or any(call.scale != 1.0 for call in recorder.calls):
            assert not torch.equal(edited, unedited), f"{label} did not reach the output"
        real = inputs["attention_mask"][0].bool() if edited.shape[1:2] == (11,) else slice(None)
        expected = slow.run(plain, inputs, [edit]) if slow.knows(plain) else torch.nan
        found[label] = (edited - expected)[0][real].abs().max().item()
    return found


def generation(name: str) -> tuple[bool, int, int, float]:
    """Greedy generation with a cache: the same tokens as without us?, calls recorded, calls due, weights difference."""
    made, plain, eager = through_the_door(name), tiny.network(name), tiny.network(name, "eager")
    given = tiny.batch(made, "left")
    given = {key: given[key] for key in ("input_ids", "input_features", "attention_mask") if key in given}
    how = {"do_sample": False, "max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "pad_token_id": 0}
    expected = plain.generate(**given, **how)
    with recording(Recorder({module: path for path, module in made.named_modules()})) as recorder:
        tokens = made.generate(**given, **how)
    own = eager.generate(**given, **how, output_attentions=True, return_dict_in_generate=True)
    two_stacks = made.config.is_encoder_decoder
    steps = [own.decoder_attentions, own.cross_attentions] if two_stacks else [own.attentions]
    # Layer by layer, self-attention comes before cross-attention, in every step.
    weights = [*own.encoder_attentions] if two_stacks else []
    for step in zip(*steps, strict=True):
        weights += [each for layer in zip(*step, strict=True) for each in layer]
    same = torch.equal(tokens, expected)
    worst = []
    for call, its in zip(recorder.calls, weights, strict=False):
        mask = given.get("attention_mask")
        if not two_stacks:  # tokens generated since are no padding
            mask = torch.cat([mask, torch.ones(len(mask), NEW_TOKENS)], dim=1)[:, : call.shape[1]][:, -call.shape[0] :]
        worst.append(difference(call, its, mask))
    return same, len(recorder.calls), len(weights), largest(worst)
