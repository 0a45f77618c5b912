"""The door into attention: a function that Transformers calls in place of its own, for every layer of a model.

Modules that compute attention by themselves take a second door, of which `second_door` tells; both have one recorder.
Installed when a model is loaded, until it is released. What belongs to one forward pass (what to record, what to edit)
travels in a ContextVar, so that many threads share one model. Where nothing is edited the model's own function does the
work, and the output is bit-identical to the model's without us. A network in train mode is run in eval mode, and put
back.
"""

import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import eager_mask, sdpa_mask

from selfattn.recording.call import Call
from selfattn.recording.edits import UNEDITED, Edit, Setting
from selfattn.recording.joining import joined
from selfattn.recording.mode import rest, resume
from selfattn.recording.modules import attends, computes_itself, scales
from selfattn.recording.order import Order
from selfattn.recording.refused import refusal
from selfattn.recording.second_door import Watch
from selfattn.recording.together import Shared, write

# Rows of each call's output that are kept to compare with: all of a short text, a spread of a long one.
SAMPLED_ROWS = 64


@dataclass
class Recorder:
    """One forward pass: the edits that go in, the calls that come out."""

    names: Mapping[nn.Module, str]
    edits: Sequence[Edit] = ()
    input_of: int | None = None  # the call whose layer's input is kept
    contexts: Mapping[tuple[int, int], Tensor] = field(default_factory=dict)  # (call, head): (query, d_v) in its place
    keeps: bool = True  # else each call is let go once it is computed: nobody looks at it
    calls: list[Call] = field(default_factory=list)
    samples: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # (rows, output there) of each call
    layer_input: Tensor | None = None
    shared: Shared = field(default_factory=dict)  # what its layers share
    reached: list[tuple[str, Tensor]] = field(default_factory=list)  # edited calls, the least and the most of each
    count: int = 0  # calls so far, whether they are kept or not
    busy: bool = False  # a call is being computed: no operation is of interest to the second door

    @cached_property
    def watch(self) -> Watch:
        """What the second door sees of this forward pass."""
        return Watch(weakref.proxy(self))  # in a circle both would wait for the garbage collector, with all they hold

    @cached_property
    def order(self) -> Order:
        """Which layers have run."""
        return Order(self.names)

    def call(self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, **rest: Any) -> Call:
        """The call of a module: where it stands in the model, what it received, and what the edits do to its heads."""
        bare = rest["mask"] is None and rest.get("position_bias") is None and not rest["causal"]
        turn = self.order.turn(module, query, key, value, bare and len(query) == 1)
        where = turn.part, turn.kind
        settings = Setting.of_heads(self.edits, turn.layer, query.shape[1], *where)
        if self.edits:
            turn.check(settings, query.shape[2], key.shape[2])
        if (
            self.edits
            and rest["prescale"] is None
            and any(setting.rescale or setting.similarity for setting in settings)
        ):
            raise ValueError(
                f"The scale of {type(module).__name__} could not be told apart from its query: "
                "neither it nor the similarity can be changed."
            )
        path = self.names.get(module, type(module).__name__)
        rest |= {name: getattr(turn, name) for name in ("behind", "start", "beside", "goes_on", "pooled")}
        return Call(turn.layer, *where, path, query, key, value, settings=settings, **rest)

    def attend(self, call: Call, native: Any) -> Tensor:
        """The context of every head, (batch, query, head, d_v): the model's own, but for the heads that edits reach."""
        self.busy = True
        try:
            return self._attend(call, native)
        finally:
            self.busy = False

    def _attend(self, call: Call, native: Any) -> Tensor:
        edited = [head for head, setting in enumerate(call.settings) if setting is not UNEDITED and setting != UNEDITED]
        if edited:
            contexts = call.contexts(edited, self.shared)
            if contexts.numel():
                self.reached.append((call.title, torch.stack(contexts.aminmax())))
            if len(edited) == call.heads:
                output = contexts.contiguous()
            else:
                output = native()
                write(output, edited, contexts)
        else:
            output = native()
        self.count += not call.goes_on
        if self.contexts:
            for head in range(call.heads):
                if (given := self.contexts.get((self.count - 1, head))) is not None:
                    output[:, :, head] = given[call.place].to(output)
        if self.keeps:
            self.calls.append(call)
            rows = sampled(call.shape[0], output.device)
            self.samples.append((rows, output.detach()[0].index_select(0, rows)))
        return output

    def check(self) -> None:
        """Raise ValueError where edits made numbers that are none. Asked of the device once, when the pass is over."""
        reached, self.reached = self.reached, []
        if reached:
            device = reached[-1][1].device
            finite = torch.stack([ends.to(device) for _, ends in reached]).isfinite().all(1).tolist()
            if not all(finite):
                title = reached[finite.index(False)][0]
                raise ValueError(
                    f"{title} is not finite under these edits; move the scale or the temperature towards 1."
                )

    def differences(self) -> list[float]:
        """`max |context recomputed - context that the model used|` of each call, at the sampled rows.

        Rows of padding that may attend to nothing are left out: models differ in what they put there, and use it never.
        """
        return [
            largest(
                _difference(call, head, rows, used[:, head])
                for head in range(call.heads)
                if (place, head) not in self.contexts
            )
            for place, (call, (rows, used)) in enumerate(zip(self.calls, self.samples, strict=True))
        ]

    def pair_bytes(self, field: str) -> int:
        """Bytes that the masks (`mask`) or biases (`position_bias`) kept take for each pair of a query and a key.

        What is broadcast over queries or keys grows with neither, and layers may share one tensor.
        """
        kept: dict[int, int] = {}
        for call in self.calls:
            tensor = getattr(call, field)
            if tensor is not None and tensor.shape[2:] == call.shape and 1 not in call.shape:
                kept[tensor.untyped_storage().data_ptr()] = tensor.shape[0] * tensor.shape[1] * tensor.element_size()
        return sum(kept.values())


@lru_cache(maxsize=64)
def sampled(queries: int, device: torch.device) -> Tensor:
    """The rows of each call's output that are kept to compare with: a spread of them, the first and the last too."""
    with torch.inference_mode(False):
        return torch.linspace(0, queries - 1, min(queries, SAMPLED_ROWS)).long().to(device)


def _difference(call: Call, head: int, rows: Tensor, used: Tensor) -> float:
    stages = call.stages(head, rows)
    difference = (stages.context - used).abs()
    if call.settings[head] == UNEDITED:
        difference = difference[~stages.empty.expand(len(rows))]
    return difference.max().item() if difference.numel() else 0.0


def largest(numbers: Iterable[float]) -> float:
    """The largest of numbers from 0 up, and NaN where there is one: Python's `max` would step over it."""
    return torch.tensor([0.0, *numbers], dtype=torch.float64).max().item()


_recorder: ContextVar[Recorder | None] = ContextVar("selfattn_recorder", default=None)
# The attention functions that a network had before: of each model inside it, by its path.
_functions: "weakref.WeakKeyDictionary[nn.Module, dict[str, str]]" = weakref.WeakKeyDictionary()


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Record the forward passes that this thread runs in the block."""
    token = _recorder.set(recorder)
    try:
        yield recorder
    finally:
        _recorder.reset(token)
        recorder.calls[:], recorder.samples[:] = joined(recorder.calls, recorder.samples)


def install(network: PreTrainedModel) -> None:
    """Lead the attention of `network` through the door, beside the function it loaded with.

    What goes through Transformers' attention interface takes the first door; modules that compute attention with
    operations of their own take the second. Raises ValueError where the model computes it in a way that neither sees.
    """
    if reason := refusal(network):
        raise ValueError(reason)
    _lead(network)
    if _start in network._forward_pre_hooks.values():
        return
    network.register_forward_pre_hook(_start)
    network.register_forward_hook(_finish, always_call=True)
    for module in network.modules():
        if computes_itself(type(module)):  # type: ignore[arg-type]  # a class hashes
            module.register_forward_pre_hook(_begin, with_kwargs=True)
            module.register_forward_hook(_end, always_call=True)
        elif attends(type(module)):  # type: ignore[arg-type]
            module.register_forward_pre_hook(_keep_input, with_kwargs=True)


def _lead(network: PreTrainedModel) -> None:
    """Give the attention interface our functions; where their owner has chosen others since, once more."""
    models = {path: module for path, module in _models(network).items() if module._can_set_attn_implementation()}
    own = {path: module.config._attn_implementation for path, module in models.items() if not _is_led(module)}
    _functions.setdefault(network, {}).update(own)
    for module in models.values():
        if not _is_led(module):
            eager = module.config._attn_implementation == "eager"
            _attend_by(module, "selfattn_eager" if eager else "selfattn_sdpa")


def _attend_by(module: PreTrainedModel, function: str) -> None:
    """Set the attention function of a model alone: one inside it, such as a backbone, may know no such function."""
    parts = {key: getattr(module.config, key, None) for key in module.config.sub_configs}
    kept = {key: part._attn_implementation for key, part in parts.items() if part is not None}
    module.set_attn_implementation({**kept, "": function})


def door(network: PreTrainedModel) -> str:
    """How the attention of `network` is seen: "interface", "interface (eager)", "fallback", or both doors' names."""
    led = [str(module.config._attn_implementation) for module in _models(network).values() if _is_led(module)]
    doors = ["interface (eager)" if led[0] == "selfattn_eager" else "interface"] if led else []
    if any(_begin in module._forward_pre_hooks.values() for module in network.modules()):
        doors.append("fallback")
    return " and ".join(doors)


def release(network: nn.Module) -> None:
    """Take off what `install` put on: the hooks, and the attention functions, which are again what they were."""
    for module in network.modules():
        for hooks in (module._forward_pre_hooks, module._forward_hooks):
            for key in [key for key, hook in hooks.items() if hook in (_start, _finish, _begin, _end, _keep_input)]:
                del hooks[key]
    own = _functions.pop(network, {})
    for path, module in _models(network).items():
        if _is_led(module) or path in own:  # of a copy all that is known is which function works behind the door
            _attend_by(module, own.get(path, module.config._attn_implementation.removeprefix("selfattn_")))


def _models(network: nn.Module) -> dict[str, PreTrainedModel]:
    return {path: module for path, module in network.named_modules() if isinstance(module, PreTrainedModel)}


def _is_led(module: Any) -> bool:
    return str(module.config._attn_implementation).startswith("selfattn")


def _start(network: PreTrainedModel, arguments: tuple[Any, ...]) -> None:
    if (recorder := _recorder.get()) is None:
        return
    rest(network)
    own = _functions.get(network)
    if own is None or not all(_is_led(network.get_submodule(path)) for path in own):
        _lead(network)
    recorder.order.clear()


def _finish(network: PreTrainedModel, arguments: tuple[Any, ...], output: Any) -> None:
    if (recorder := _recorder.get()) is not None:
        resume(network)
        recorder.shared.clear()
        if output is not None:
            recorder.check()


def _begin(module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    if (recorder := _recorder.get()) is not None:
        _keep_input(module, arguments, keywords)
        recorder.watch.enter(module)


def _end(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
    if (recorder := _recorder.get()) is not None:
        recorder.watch.leave(finished=output is not None)


def _keep_input(module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    if (recorder := _recorder.get()) is None:
        return
    recorder.order.begins(module, arguments, keywords)
    if recorder.input_of == recorder.count:
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
    ) -> tuple[Tensor, Tensor | None]:
        def run() -> tuple[Tensor, Tensor | None]:
            return native(module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **rest)

        recorder = _recorder.get()
        if recorder is None:  # the owner's own call, with the weights that an eager function gives
            return run()
        size = query.shape[-1]
        scale, prescale = scales(module, size, size**-0.5 if scaling is None else float(scaling))
        # Eager functions hide nothing without a mask; SDPA goes by a flag then.
        causal = False if native is _own_eager else rest.get("is_causal")
        call = recorder.call(
            module,
            query,
            key,
            value,
            mask=attention_mask,
            causal=query.shape[2] > 1 and bool(getattr(module, "is_causal", True) if causal is None else causal),
            scale=scale,
            prescale=prescale,
            softcap=rest.get("softcap"),
            sink=rest.get("s_aux"),
            position_bias=rest.get("position_bias"),
            similarity=rest.get("similarity"),
            window=rest.get("sliding_window"),
        )
        return recorder.attend(call, lambda: run()[0]), None

    return attention


def _own_eager(module: nn.Module, *arguments: Any, **keywords: Any) -> tuple[Tensor, Any]:
    """The eager function of the file that the model is written in: some add a sink or a cap that SDPA does not know."""
    return sys.modules[type(module).__module__].eager_attention_forward(module, *arguments, **keywords)


AttentionInterface.register("selfattn_sdpa", _door(sdpa_attention_forward))
AttentionMaskInterface.register("selfattn_sdpa", sdpa_mask)
AttentionInterface.register("selfattn_eager", _door(_own_eager))
AttentionMaskInterface.register("selfattn_eager", eager_mask)
