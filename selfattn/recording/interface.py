"""The one door into attention: a function that Transformers calls in place of its own, for every layer of a model.

Installed once, when a model is loaded. What belongs to one forward pass (what to record, what to edit) travels in a
ContextVar, so that many threads share one model. Where nothing is edited the model's own function does the work, and
the output is bit-identical to the model's without us.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import eager_mask, sdpa_mask

from selfattn.recording.call import Call
from selfattn.recording.edits import UNEDITED, Edit, Setting

# These put their scale on the query and hand 1.0 to the attention function.
PRESCALED = {
    "OPTAttention",
    "WhisperAttention",
    "Qwen2AudioAttention",
    "VoxtralAttention",
    "AudioFlamingo3Attention",
    "MossTranscribeDiarizeAttention",
}
CROSS = ("encoder_attn", "EncDecAttention", "crossattention", "cross_attn")
# Rows of each call's output that are kept to compare with: all of a short text, a spread of a long one.
SAMPLED_ROWS = 64


@dataclass
class Recorder:
    """One forward pass: the edits that go in, the calls that come out."""

    names: Mapping[nn.Module, str]
    edits: Sequence[Edit] = ()
    input_of: int | None = None  # the call whose layer's input is kept
    calls: list[Call] = field(default_factory=list)
    samples: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # (rows, output there) of each call
    layer_input: Tensor | None = None

    def attend(self, call: Call, native: Any) -> Tensor:
        """The context of every head, (batch, query, head, d_v): the model's own, but for the heads that edits reach."""
        edited = [head for head, setting in enumerate(call.settings) if setting != UNEDITED]
        if len(edited) < call.heads:
            output = native()
        else:
            batch, _, queries, _ = call.query.shape
            output = call.value.new_empty(batch, queries, call.heads, call.value.shape[-1])
        for head in edited:
            for batch in range(output.shape[0]):
                output[batch, :, head] = call.context(head, batch)
        if edited and not output[:, :, edited].isfinite().all():
            raise ValueError(
                f"{call.title} is not finite under these edits; move the scale or the temperature towards 1."
            )
        rows = torch.linspace(0, call.shape[0] - 1, min(call.shape[0], SAMPLED_ROWS)).long().to(output.device)
        self.calls.append(call)
        self.samples.append((rows, output[0, rows].detach().clone()))
        return output

    def differences(self) -> list[float]:
        """`max |context recomputed - context that the model used|` of each call, at the sampled rows."""
        return [
            largest((call.stages(head, rows).context - used[:, head]).abs().max().item() for head in range(call.heads))
            for call, (rows, used) in zip(self.calls, self.samples, strict=True)
        ]


def largest(numbers: Iterable[float]) -> float:
    """The largest number, and NaN where there is one: Python's `max` would step over it."""
    return torch.tensor(list(numbers), dtype=torch.float64).max().item()


_recorder: ContextVar[Recorder | None] = ContextVar("selfattn_recorder", default=None)


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Record the forward passes that this thread runs in the block."""
    token = _recorder.set(recorder)
    try:
        yield recorder
    finally:
        _recorder.reset(token)


def install(network: PreTrainedModel) -> None:
    """Lead the attention of `network` through the door, beside the function it loaded with.

    Raises ValueError where the model computes attention outside Transformers' attention interface.
    """
    kind = type(network).__name__
    if not network._can_set_attn_implementation():
        raise ValueError(
            f"{kind} computes attention outside Transformers' attention interface, so it cannot be recorded exactly; "
            "choose a model that goes through it, such as BERT, GPT-2, Llama, T5, Whisper or ViT."
        )
    own = network.config._attn_implementation
    door = "selfattn_eager" if own == "eager" else "selfattn_sdpa"
    network.set_attn_implementation(door)
    inner = [module for module in network.modules() if isinstance(module, PreTrainedModel)]
    if outside := [module for module in inner if module.config._attn_implementation != door]:
        raise ValueError(
            f"A part of {kind}, its {type(outside[0]).__name__}, computes attention outside Transformers' attention "
            "interface, so the model cannot be recorded exactly; choose another."
        )
    for module in network.modules():
        # Every attention class of the interface reads its function's name from its config.
        if hasattr(module, "config") and not isinstance(module, PreTrainedModel):
            module.register_forward_pre_hook(_keep_input, with_kwargs=True)


def _keep_input(module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    recorder = _recorder.get()
    if recorder is not None and recorder.input_of == len(recorder.calls):
        given = arguments[0] if arguments else keywords.get("hidden_states")
        recorder.layer_input = given if isinstance(given, Tensor) else None


def _door(native: Any) -> Any:
    """The attention function that Transformers calls: `native`, unless this thread is recording."""

    def attention(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling: float | None = None,
        dropout: float = 0.0,
        **rest: Any,
    ) -> tuple[Tensor, None]:
        def run() -> Tensor:
            return native(module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **rest)[0]

        recorder = _recorder.get()
        if recorder is None:
            return run(), None
        call = _call(recorder, module, query, key, value, attention_mask, scaling, rest)
        return recorder.attend(call, run), None

    return attention


def _own_eager(module: nn.Module, *arguments: Any, **keywords: Any) -> tuple[Tensor, Any]:
    """The eager function of the file that the model is written in: some add a sink or a cap that SDPA does not know."""
    return sys.modules[type(module).__module__].eager_attention_forward(module, *arguments, **keywords)


AttentionInterface.register("selfattn_sdpa", _door(sdpa_attention_forward))
AttentionMaskInterface.register("selfattn_sdpa", sdpa_mask)
AttentionInterface.register("selfattn_eager", _door(_own_eager))
AttentionMaskInterface.register("selfattn_eager", eager_mask)


def _call(
    recorder: Recorder,
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scaling: float | None,
    rest: Mapping[str, Any],
) -> Call:
    name = recorder.names.get(module, type(module).__name__)
    part, kind = _part(name, module), _kind(name, module)
    layer = sum(call.part == part and call.kind == kind for call in recorder.calls)
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    scale, prescale = _scales(module, scale)
    causal = rest.get("is_causal")
    settings = tuple(Setting.of(recorder.edits, layer, head, part, kind) for head in range(query.shape[1]))
    if prescale is None and any(setting.rescale or setting.similarity for setting in settings):
        raise ValueError(
            f"The scale of {type(module).__name__} could not be told apart from its query: "
            "neither it nor the similarity can be changed."
        )
    return Call(
        layer=layer,
        part=part,
        kind=kind,
        name=name,
        query=query,
        key=key,
        value=value,
        mask=mask,
        causal=query.shape[2] > 1 and bool(getattr(module, "is_causal", True) if causal is None else causal),
        scale=scale,
        prescale=prescale,
        softcap=rest.get("softcap"),
        sink=rest.get("s_aux"),
        position_bias=rest.get("position_bias"),
        similarity=rest.get("similarity"),
        settings=settings,
    )


def _scales(module: nn.Module, scaling: float) -> tuple[float, float | None]:
    """The model's whole scale, and the part of it that is on the query already (None where that is unknown)."""
    own = getattr(module, "scaling", scaling)
    if scaling != 1.0 or own == 1.0:
        return scaling, 1.0
    return (own, own) if type(module).__name__ in PRESCALED else (scaling, None)


def _kind(name: str, module: nn.Module) -> Any:
    cross = getattr(module, "is_cross_attention", False) or "Cross" in type(module).__name__ or name.endswith(CROSS)
    return "cross" if cross else "self"


def _part(name: str, module: nn.Module) -> str:
    path = name.split(".")
    for word, part in (("vision_model", "vision"), ("text_model", "text"), ("vit", "vision")):
        if word in path:
            return part
    # Some causal models keep their layers in a module named `encoder`: BERT as a decoder, and the local one.
    return "decoder" if "decoder" in path or getattr(module, "is_causal", False) else "encoder"
