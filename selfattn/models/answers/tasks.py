"""What a model was made for, by its class: what it wants to read, and what its output says."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers.models.auto import modeling_auto as auto

from selfattn.models.answers.entities import token_classes
from selfattn.models.answers.predictions import Prediction as Prediction
from selfattn.models.answers.similarity import alike
from selfattn.models.answers.spans import answer
from selfattn.models.answers.transcripts import transcript
from selfattn.models.inputs.given import Input, Pair, kind_of, main_input
from selfattn.models.inputs.tokens import NO_TOKENS, Tokens, spelt


@dataclass(frozen=True)
class Task:
    """What a model was made for."""

    says: str | None  # the kind of its prediction; None for a model without a head, or with one that is not shown
    reads: tuple[str, ...]  # of "text", "pair", "illustrated", "picture", "sound": the first is what it was made for
    writes: bool = False  # one token after another
    headless: bool = False  # it gives its last layer's output, and nothing else

    @property
    def saying(self) -> str:
        """What it says, in words."""
        return self.says or ("nothing: it has no head" if self.headless else "what is no label, token or number")

    def check(self, name: str, given: Input) -> None:
        """Raise ValueError where the model called `name` does not read what is given."""
        kind = kind_of(given)
        if kind not in self.reads:
            wants = " or ".join(WORDS[each] for each in self.reads)
            raise ValueError(f"{name} reads {wants}; got {WORDS[kind]}.")


WORDS = {
    "text": "one text",
    "pair": "a pair of texts",
    "illustrated": "a text with a picture",
    "picture": "a picture",
    "sound": "a sound",
}
ANY_TEXT = ("text", "pair")
# XLNet is listed among the causal models, and hides no token from another unless it is told an order of them.
ANY_ORDER = "token in any order"


def _classes(*mappings: Mapping[str, Any]) -> set[str]:
    found = [name for mapping in mappings for name in mapping.values()]
    return {each for name in found for each in ([name] if isinstance(name, str) else name)}


# Heads of pre-training that fill in masked tokens, beside another thing that they say.
PRETRAINED = {
    f"{family}ForPreTraining" for family in ("Albert", "Bert", "BigBird", "Ernie", "FNet", "MegatronBert", "MobileBert")
}
# By the name of the network's class; the first that has it.
TASKS = (
    (_classes(auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES), Task("next token", ("sound",), writes=True)),
    (_classes(auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES), Task("next token", ("text",), writes=True)),
    (
        _classes(auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES) | PRETRAINED | {"SelfAttentionForMaskedLM"},
        Task("masked token", ANY_TEXT),
    ),
    ({"XLNetLMHeadModel"}, Task(ANY_ORDER, ("text",))),
    (
        _classes(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
        | {"GPT2DoubleHeadsModel", "OpenAIGPTDoubleHeadsModel", "SelfAttentionForCausalLM"},
        Task("next token", ("text",), writes=True),
    ),
    (_classes(auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES), Task("answer", ("pair",))),
    (_classes(auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES), Task("token class", ("text",))),
    (_classes(auto.MODEL_FOR_CTC_MAPPING_NAMES), Task("transcript", ("sound",))),
    (_classes(auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES), Task("class", ("sound",))),
    (_classes(auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES), Task("class", ("picture",))),
    (
        _classes(auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES) | {"SelfAttentionForSequenceClassification"},
        Task("class", ANY_TEXT),
    ),
    ({"VisionEncoderDecoderModel"}, Task("next token", ("picture",), writes=True)),
    ({"SpeechEncoderDecoderModel"}, Task("next token", ("sound",), writes=True)),
    (_classes(auto.MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES), Task("next token", ("text",), writes=True)),
    (_classes(auto.MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES), Task("similarity", ("illustrated",))),
    (_classes(auto.MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING_NAMES), Task("class", ("illustrated",))),
)
BASES = _classes(auto.MODEL_MAPPING_NAMES, auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES)
# What a model without a head reads, by the name of its main tensor.
READS = {"pixel_values": ("picture",), "input_values": ("sound",), "input_features": ("sound",)}
# What a model calls them: of a head of pre-training, those of its masked tokens.
LOGITS = ("logits", "prediction_logits", "logits_per_image")
# What a model gives beside what it says, by the end of its name.
BESIDE = ("hidden_state", "hidden_states", "attentions", "loss")
# Labels that compare two texts: a classifier that has one was made for pairs.
COMPARES = {"entailment", "contradiction", "not_entailment", "duplicate", "paraphrase", "equivalent", "same"}


def task_of(network: Any) -> Task:
    """What a network was made for, by its class."""
    task = _by_class(network)
    takes = inspect.signature(network.forward).parameters
    # On a page each word has its place, which no picture alone says.
    if not {"input_ids", "pixel_values"} <= takes.keys() or "bbox" in takes:
        return task
    alone = main_input(network) == "input_ids" and "illustrated" not in task.reads
    return replace(task, reads=("illustrated", "text") if alone else ("illustrated",))


def _by_class(network: Any) -> Task:
    kind = type(network).__name__
    task = next((task for names, task in TASKS if kind in names), None)
    if task is None:
        headless = kind in BASES or kind.startswith("SelfAttention")
        return Task(None, READS.get(main_input(network), ANY_TEXT), headless=headless)
    if task.says == "class" and (network.config.num_labels < 2 or network.config.problem_type == "regression"):
        return replace(task, says="score")
    if task.reads == ANY_TEXT and task.says == "class":
        names = {str(name).lower() for name in (network.config.id2label or {}).values()}
        return Task("class", ("pair", "text") if names & COMPARES else ANY_TEXT)
    return task


def why_none(
    network: Any, tokenizer: Any | None, inputs: Mapping[str, Tensor], output: Mapping[str, Any], given: Input
) -> str | None:
    """One sentence that says why there is no prediction in this output; None where there is one."""
    task = task_of(network)
    kind = type(network).__name__
    if task.headless or set(output) <= {"last_hidden_state"}:
        return f"{kind} has no head: it gives its last layer's output, and no prediction."
    if task.says is None or not {*LOGITS, "start_logits"} & set(output):
        said = [name for name in output if not name.endswith(BESIDE)] or [*output]
        return f"{kind} says what is no label, token or number, which is not shown here: {', '.join(said)}."
    if task.says == ANY_ORDER:
        return f"{kind} is no causal model: its tokens see those after them, and none says the next."
    if task.says == "masked token":
        mask, name = getattr(tokenizer, "mask_token_id", None), getattr(tokenizer, "mask_token", None)
        if mask is None:
            return "This model fills in masked tokens, and its tokenizer has no token for a mask."
        if not (inputs[main_input(network)] == mask).any():
            return f"Nothing is masked: write {name} where the model is to fill in a word."
    if task.says in ("answer", "token class") and isinstance(given, Mapping):
        return "Tensors have no text that the answer could be cut from; give the text itself."
    return None


@torch.no_grad()
def predict(
    network: Any,
    tokenizer: Any | None,
    inputs: Mapping[str, Tensor],
    output: Mapping[str, Any],
    given: Input | None = None,
    tokens: Tokens = NO_TOKENS,
) -> Prediction | None:
    """The prediction in a model's output, or None where `why_none` says why."""
    if why_none(network, tokenizer, inputs, output, {} if given is None else given) is not None:
        return None
    config, says = network.config, task_of(network).says
    if says == "answer":
        start, end = (output[f"{side}_logits"][0].float().cpu() for side in ("start", "end"))
        assert isinstance(given, Pair)
        return answer(start, end, tokens, given.second, getattr(tokenizer, "cls_token_id", None))
    if says == "similarity":
        return alike(network, output)
    logits = next(output[name] for name in LOGITS if name in output)[0].float().cpu()
    names = config.id2label or {}

    def label(index: int) -> str:
        return str(names.get(index, index))

    match says:
        case "score":
            alone = len(logits) == 1 and label(0) == "LABEL_0"  # as Transformers calls what nobody named
            return Prediction(
                "score",
                logits,
                (lambda _: "score") if alone else label,
                unit="number",
                note="a number, and no probability",
            )
        case "class":
            if config.problem_type == "multi_label_classification":
                return Prediction("class", logits.sigmoid(), label, note="several labels may hold at once")
            return Prediction("class", logits.softmax(-1), label, logits=logits[None])
        case "token class":
            return token_classes(logits, tokens, tokens.texts[0], label)
        case "transcript":
            return transcript(logits, tokenizer, config.pad_token_id or 0)
    positions = _positions(says, tokenizer, inputs, len(logits))
    chosen = logits[list(positions)]
    return Prediction(
        says or "",
        chosen[0].softmax(-1),
        lambda index: spelt(index, tokenizer),
        logits=chosen,
        positions=positions,
        position=positions[0],
    )


def _positions(says: str | None, tokenizer: Any | None, inputs: Mapping[str, Tensor], length: int) -> tuple[int, ...]:
    """Where in the sequence the model's answers stand."""
    if says == "masked token":
        return tuple((inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero()[:, 0].tolist()) if tokenizer else ()
    mask = inputs.get("attention_mask")
    if "decoder_input_ids" in inputs or mask is None or mask.shape[-1] != length:
        return (length - 1,)
    return (int(mask[0].nonzero()[-1]),)
