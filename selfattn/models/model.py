"""A model as this package knows it: a network whose attention goes through the door, and its tokenizer."""

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from selfattn import notebook
from selfattn.models import encoder
from selfattn.models.answers.pooling import MEAN, Pooling
from selfattn.models.answers.tasks import Task, task_of
from selfattn.models.attention import Attention, attentions, ranges
from selfattn.models.errors import unopened
from selfattn.models.inputs import senses
from selfattn.models.inputs.given import Input, Pair, Translation, check, entrance, main_input, placed, vocabulary
from selfattn.models.inputs.languages import mark_of
from selfattn.models.inputs.tokens import Tokens, encode
from selfattn.models.inputs.unlearnt import beyond
from selfattn.models.inside import inside
from selfattn.models.processed import processed
from selfattn.models.self_test import check_record, in_words, tested
from selfattn.recording.doors import Recorder, install
from selfattn.recording.edits import Edit
from selfattn.recording.places import Places

# In the names of classes that turn queries and keys.
ROTARY = ("Rotary", "RopePosition")
# What a recording keeps for each pair of a query and a key.
PAIRS = {"mask": "mask", "bias": "position_bias"}
UNTESTED = "untested: its first input is its test"
_LEARNING = Lock()


class _Wrapping(type):
    """`Model(network, tokenizer)` is `Model.wrap(network, tokenizer)`: nobody knows the rest before it was tested."""

    def __call__(cls, *given: Any, **named: Any) -> Any:
        tested = "names" in named or isinstance(next(iter(given), None), str)
        return super().__call__(*given, **named) if tested else cls.wrap(*given, **named)  # type: ignore[attr-defined]


@dataclass(frozen=True, eq=False)
class Model(metaclass=_Wrapping):
    """A network whose attention goes through the door, its tokenizer, and what its self-test measured."""

    name: str
    network: PreTrainedModel
    tokenizer: Any | None
    names: Mapping[nn.Module, str]
    attentions: tuple[Attention, ...]  # none before it was tested
    fidelity: float  # NaN before it was tested
    probe: Mapping[str, Tensor]  # what the self-test ran on
    processor: Any | None = None  # of pictures, of sounds, or of texts with pictures
    pooling: Pooling = MEAN  # of a model without a head, where two texts are compared
    # Bytes that a recording keeps for each pair of a query and a key, in masks and in position biases.
    mask_bytes: int = 0
    bias_bytes: int = 0
    # What was wrong with a tokenizer or a processor that is there and could not be opened.
    why_no_tokenizer: str = ""
    why_no_processor: str = ""
    why_untested: str = ""  # why it ran on no small input
    seen: frozenset[str] = frozenset()  # paths of modules of which calls were recorded

    @classmethod
    def wrap(
        cls,
        network: Any,
        tokenizer: Any | None = None,
        name: str = "",
        processor: Any | None = None,
        pooling: Pooling | None = None,
    ) -> "Model":
        """Install the door in a network that is in memory, and test it on a few tokens.

        It may be compiled, under PEFT, spread by DataParallel, in a pipeline or a SentenceTransformer: the network
        inside is taken, with the tokenizer that comes along. `selfattn.release(network)` takes the door off again.
        Where no such tokens can be made, it is untested until its first input. Raises ValueError for a network without
        attention, outside the interface, or whose attention the formula does not reproduce.
        """
        if tokenizer is not None and not callable(tokenizer):
            raise ValueError(
                f"A tokenizer is what AutoTokenizer.from_pretrained gives; got a {type(tokenizer).__name__}."
            )
        held = inside(network)
        network, pooling = held.network, pooling or held.pooling
        tokenizer, processor = tokenizer or held.tokenizer, processor or held.processor
        name = name or type(network).__name__
        network.eval()
        install(network)
        names = {module: path for path, module in network.named_modules()}
        model = cls(name, network, tokenizer, names, (), math.nan, {}, processor, pooling)
        made = processed(model.task.reads, lambda given: model.inputs(given)[1])
        test = tested(network, names, name, made)
        model = replace(model, probe=test.inputs, why_untested=test.why_none)
        if test.recorder is not None:
            model.learn(test.recorder)
        return model

    @property
    def limit(self) -> int | None:
        """The most tokens that the model has positions for; None where there is no such limit."""
        config = self.network.config.get_text_config()
        if isinstance(config, encoder.SelfAttentionConfig) and config.positions != "learned":
            return None
        positions = getattr(config, "max_position_embeddings", None)
        # RoBERTa and its kin count positions from after the padding token's.
        padding = [
            module.padding_idx
            for module, path in self.names.items()
            if isinstance(module, nn.Embedding) and path.endswith("position_embeddings")
        ]
        offset = next((index + 1 for index in padding if index is not None), 0)
        return positions - offset if positions and positions > 0 else None  # XLNet's -1 is none

    @property
    def rotary(self) -> bool:
        """Are queries and keys rotated by their position before they meet? Those that are recorded then are too."""
        config = self.network.config.get_text_config()
        if isinstance(config, encoder.SelfAttentionConfig):
            return config.positions == "rope"
        # Some configs have the numbers for it, and their model does without.
        places, first = Places.of(self.names), next((each.part for each in self.attentions), None)
        turning = [path for module, path in self.names.items() if any(name in type(module).__name__ for name in ROTARY)]
        return any(first == "vision" or places is None or places.parts[path] != "vision" for path in turning)

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """The devices that its weights lie on."""
        return tuple(sorted({parameter.device for parameter in self.network.parameters()}, key=str))

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {self.shape}, {self.exactness})"

    def _repr_html_(self) -> str:
        return notebook.page(
            notebook.line(self.name, f"{self.shape}, a {type(self.network).__name__}, {self.exactness}"),
            notebook.hint("look inside:", 'selfattn.trace(model, "a text")'),
        )

    @property
    def shape(self) -> str:
        """Its attention in words: layers and heads, part by part."""
        return " + ".join(
            f"{each.layers} × {each.heads} heads ({each.part}{', cross' if each.kind == 'cross' else ''})"
            for each in self.attentions
        )

    @property
    def size(self) -> int:
        """Bytes of the weights."""
        return sum(p.numel() * p.element_size() for p in self.network.parameters())

    @property
    def idle(self) -> frozenset[str]:
        """The paths of modules that attend, and through which nothing has passed yet: a tower of pictures, say."""
        places = Places.of(self.names)
        return places.attending - self.seen if places else frozenset()

    def learn(self, recorder: Recorder) -> None:
        """Know the layers of these calls: a picture passes through towers that a text does not.

        The first record is the model's test. Raises ValueError where rounding does not explain its difference.
        """
        calls, test = recorder.calls, {}
        if self.seen.issuperset(call.name for call in calls):
            return
        if not self.tested:
            test["fidelity"] = check_record(self.network, self.name, recorder)
            test |= {f"{kind}_bytes": recorder.pair_bytes(field) for kind, field in PAIRS.items()}
        with _LEARNING:
            found = {"attentions": attentions(calls, self.attentions), **test}
            for name, value in (found | {"seen": self.seen.union(call.name for call in calls)}).items():
                object.__setattr__(self, name, value)

    @property
    def tested(self) -> bool:
        """Has an input shown that what is recomputed is what the network used?"""
        return not math.isnan(self.fidelity)

    @property
    def exactness(self) -> str:
        """What its test measured, in words."""
        return in_words(self.fidelity, True, self.network.dtype) if self.tested else UNTESTED

    def attention(self, part: str | None = None, kind: str | None = None) -> Attention:
        """The attention of that part and kind; the first where none is named."""
        for each in self.attentions:
            if part in (None, each.part) and kind in (None, each.kind):
                return each
        if not self.attentions:
            raise ValueError(f"{self.name} is untested: its layers are known from its first trace.")
        there_are = ", ".join(f"{each.part} ({each.kind})" for each in self.attentions)
        raise ValueError(f"{self.name} has no {part or 'part'} with {kind or 'any'}-attention; it has {there_are}.")

    def check_edits(self, edits: Iterable[Edit]) -> None:
        """Raise ValueError for an edit that names a part, a layer or a head that is not there: it would change nothing.

        An edit without a part or a kind reaches every attention that has one of its layers and heads.
        """
        for edit in edits:
            self.attention(edit.part, edit.kind)
            places = [
                (layer, head)
                for each in self.attentions
                if edit.part in (None, each.part) and edit.kind in (None, each.kind)
                for layer in each.numbers
                for head in range(each.heads_in(layer))
            ]
            self._check_named(edit, "layer", edit.layers, {layer for layer, _ in places})
            # An empty set names none: the edit changes nothing, as it says.
            if within := {head for layer, head in places if edit.layers is None or layer in edit.layers}:
                self._check_named(edit, "head", edit.heads, within)

    def _check_named(self, edit: Edit, noun: str, named: Set[int] | None, there: Set[int]) -> None:
        if named is None or named <= there:
            return
        where = f" in its {edit.part}" if edit.part else " there" if noun == "head" and edit.layers else ""
        raise ValueError(
            f"{type(edit).__name__} names {noun} {min(named - there)}; {self.name} has {noun}s {ranges(there)}{where}."
        )

    @cached_property
    def task(self) -> Task:
        """What it was made for: what it says, and what it reads."""
        return task_of(self.network)

    def inputs(
        self, given: Input, pad: int = 0, written: Sequence[int] = ()
    ) -> tuple[Tokens | None, dict[str, Tensor]]:
        """The tokens of a text or a pair, and the tensors for one forward pass.

        A picture or a sound goes through the model's own processor; tensors pass through. Of a pair that a model
        without a head is to compare, only the first text is read. Raises ValueError for what the model does not read.
        """
        check(given, main_input(self.network))
        if isinstance(given, Mapping):
            return None, {name: tensor.to(entrance(self.network)) for name, tensor in given.items()}
        self.task.check(self.name, given)
        if isinstance(given, Translation) and given.target and not self._translates:
            raise ValueError(f"{self.name} writes no translation; leave the target language {given.target[:20]!r} out.")
        self._check_written(written, given)
        tokens = None
        if isinstance(given, senses.Sensed):
            if pad:
                raise ValueError("Only a text can be padded with tokens; set the padding to 0.")
            senses.check(self.name, self.processor, self.why_no_processor, given)
            decoder = self.network.config.is_encoder_decoder
            tokens, tensors = senses.read(self.network, self.processor, given, () if decoder else written)
            if tokens is not None:
                tokens = self._checked(tokens)
        else:
            if self.tokenizer is None:
                if self.why_no_tokenizer:
                    raise ValueError(unopened(self.name, "tokenizer", self.why_no_tokenizer))
                raise ValueError(
                    f"{self.name} has no tokenizer, so it reads tensors and no text; save one beside its weights, or "
                    "give one with the network: selfattn.trace(network, text, tokenizer=tokenizer)."
                )
            if isinstance(given, Pair) and self.task.says is None:
                given = given.first
            decoder = self.network.config.is_encoder_decoder
            tokens, tensors = encode(self.tokenizer, given, pad, () if decoder else written)
            tokens = self._checked(tokens)
            if pad and self.tokenizer.padding_side == "left":
                tensors |= self._positions(tensors)
        if self._two_stacks and (self.task.writes or self.task.says is None):
            tensors["decoder_input_ids"] = torch.tensor([[*self.begins(given), *written]])
        return tokens, placed(self.network, tensors)

    @property
    def start(self) -> int:
        """The token that the decoder starts from."""
        settings = (getattr(self.network, "generation_config", None), self.network.config)
        named = [getattr(each, f"{name}_token_id", None) for name in ("decoder_start", "bos") for each in settings]
        return next((index for index in named if index is not None), 0)

    def begins(self, given: Input) -> tuple[int, ...]:
        """What its decoder stands on before it writes: the start, and the token that is to come first, where one is.

        That is the mark of the target language of a `Translation`, or what the model's settings force to be first.
        """
        if not self.task.writes:
            return (self.start,)
        if isinstance(given, Translation) and given.target:
            return self.start, mark_of(self.tokenizer, given.target)
        settings = (getattr(self.network, "generation_config", None), self.network.config)
        forced = (getattr(each, "forced_bos_token_id", None) for each in settings)
        return self.start, *[index for index in forced if index is not None][:1]

    @property
    def _two_stacks(self) -> bool:
        """Does a decoder of its own read tokens? One that looks for objects reads none."""
        takes = inspect.signature(self.network.forward).parameters
        return self.network.config.is_encoder_decoder and "decoder_input_ids" in takes

    @property
    def _translates(self) -> bool:
        return self.task.writes and self.network.config.is_encoder_decoder

    def _positions(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Positions counted from the first real token, as text is generated; for a model that is told them."""
        if not self.task.writes or "position_ids" not in inspect.signature(self.network.forward).parameters:
            return {}
        return {"position_ids": (tensors["attention_mask"].cumsum(1) - 1).clamp(min=0)}

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end what it writes."""
        settings = (getattr(self.network, "generation_config", None), self.network.config)
        named = next((found for each in settings if (found := getattr(each, "eos_token_id", None)) is not None), ())
        return frozenset([named] if isinstance(named, int) else named)

    @property
    def room(self) -> int | None:
        """The most tokens that what it writes can stand on: its text too, but for a model with a decoder apart."""
        config = self.network.config.get_text_config(decoder=True)
        if not self.network.config.is_encoder_decoder:
            return self.limit
        return getattr(config, "max_target_positions", None) or getattr(config, "max_position_embeddings", None)

    def _checked(self, tokens: Tokens) -> Tokens:
        """The tokens, with a note where they are more than it learnt to place."""
        if self.limit is not None and len(tokens) > self.limit:
            tokens = beyond(tokens, self.name, self.limit, self.rotary)
        highest, known = max(tokens.ids), vocabulary(self.network)
        if highest >= known:
            raise ValueError(
                f"The tokenizer of {self.name} gave the token {highest}, and its network knows {known}: "
                "they are of two models; save them together."
            )
        return tokens

    def _check_written(self, written: Sequence[int], given: Input) -> None:
        if not written:
            return
        if not self.task.writes:
            raise ValueError(f"{self.name} writes no text, so it has written no tokens; leave `written` empty.")
        vocabulary = self.network.config.get_text_config(decoder=True).vocab_size
        if wrong := [index for index in written if not 0 <= index < vocabulary]:
            raise ValueError(f"{self.name} knows the tokens 0 to {vocabulary - 1:,}; got {wrong[0]:,} as written.")
        if not self.network.config.is_encoder_decoder or self.room is None:
            return
        if (most := self.room - len(self.begins(given))) < len(written):
            raise ValueError(f"{self.name} writes at most {most:,} tokens; got {len(written):,}.")
