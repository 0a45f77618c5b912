"""Load a model by name, folder, file or hub id: no pickle, no code from outside, a self-test before it is shown."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    BitsAndBytesConfig,
    GgufConfig,
    PreTrainedModel,
)
from transformers.models.auto import modeling_auto as auto

from selfattn.models.answers.pooling import pooling_of
from selfattn.models.errors import first_line
from selfattn.models.loading import memory, sources, steps
from selfattn.models.loading.adapter import Adapter, needs
from selfattn.models.loading.classes import class_of
from selfattn.models.loading.find import find, find_adapter, find_base, place_of
from selfattn.models.loading.missing import needed, prefix_in
from selfattn.models.loading.names import names as names
from selfattn.models.loading.processors import processor_in
from selfattn.models.loading.steps import Step
from selfattn.models.loading.tokenizers import tokenizer_in
from selfattn.models.model import Model

DTYPES = ("float32", "bfloat16", "float16", "float64")
# More layers than any model has: a config that asks for them would take hours to build.
MOST_LAYERS = 10_000


@dataclass(frozen=True)
class Choice:
    """Which model, and how it is loaded: what `load` needs, as a value that can stand in a link or key a cache."""

    source: str
    revision: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    spread: bool = False
    bits: int | None = None
    adapter: str | None = None

    def load(self) -> Model:
        """Load it."""
        return load(**vars(self))


def load(
    source: str | Path,
    *,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    spread: bool = False,
    bits: int | None = None,
    adapter: str | None = None,
) -> Model:
    """Load a model: a name of `names()`, a folder, a GGUF file, or a hub id (at a `revision`: a branch, a tag or a
    commit). An adapter's own folder or id brings the model that its config names.

    `device` is auto (CUDA, then MPS, then CPU) or a PyTorch device; `dtype` is auto (the checkpoint's own) or a
    PyTorch type such as float32. `spread` lays the layers over all devices, `bits` (8 or 4) makes its weights small,
    `adapter` is a LoRA adapter's folder or hub id. Raises ValueError with one sentence that says what is wrong and
    what to do.
    """
    if not isinstance(source, str | Path):
        raise ValueError(f"A model is loaded by its name, folder or hub id; got a {in_memory(source)}.")
    name, chosen = str(source), _dtype(dtype)
    if "@" in name and (shown := memory.get(name)) is not None:
        return shown
    placing = _placing(device, spread, bits)
    device = best_device() if device == "auto" else device
    at, called = find(name, revision)
    tuned = None
    if adapter is not None:
        tuned = Adapter.read(find_adapter(adapter), Path(adapter).name)
    elif sources.is_adapter(at):
        tuned = Adapter.read(sources.adapter_in(at), called)
        at, called = find_base(at, called)
    usable(device)
    place = place_of(at, bits)
    steps.tell(Step("Unpacking the file" if at.is_file() else "Reading the weights"))
    network = _open(called, place, chosen, placing, tuned)
    if tuned is not None:
        steps.tell(Step("Putting the adapter in"))
        network = tuned.put_into(network, merge=bits is None)
        called = f"{called} + {tuned.name}"
    if not placing:
        with _using(device):
            network.to(device)
    steps.tell(Step("Testing it against itself"))
    tokenizer, why_no_tokenizer = _tokenizer(network, place, tuned)
    processor, why_no_processor = processor_in(network, place)
    model = Model.wrap(network, tokenizer, called, processor, pooling_of(at))
    return replace(model, why_no_tokenizer=why_no_tokenizer, why_no_processor=why_no_processor)


def opened(given: object, tokenizer: Any | None = None) -> Model:
    """A Model as it is; one loaded, where a name is given; a network in memory, wrapped with its tokenizer."""
    if tokenizer is not None and isinstance(given, Model | str | Path):
        raise ValueError("A tokenizer goes with a network in memory; a Model, and one that is loaded, has its own.")
    if isinstance(given, Model):
        return given
    return load(given) if isinstance(given, str | Path) else Model.wrap(given, tokenizer)


def in_memory(value: object) -> str:
    """What a value is that stands in the place of a model, and what makes it one."""
    kind = type(value).__name__
    return f"{kind}: Model.wrap(network, tokenizer) makes a Model of it" if isinstance(value, nn.Module) else kind


def _placing(device: str, spread: bool, bits: int | None) -> dict[str, Any]:
    """What `from_pretrained` is told where it places the weights itself: over several devices, or in few bits."""
    if not spread and bits is None:
        return {}
    if device != "auto":
        raise ValueError(f"spread and bits choose the devices themselves; leave the device {device!r} out.")
    if bits not in (None, 8, 4):
        raise ValueError(f"bits is 8 or 4, or left out; got {bits!r}.")
    if bits is None:
        needs("accelerate", "several-gpus", "Spreading a model over several devices")
        return {"device_map": "auto"}
    if not torch.cuda.is_available():
        raise ValueError(f"Weights of {bits} bits need a CUDA device, and there is none here; leave bits out.")
    needs("bitsandbytes", "quantised", f"Weights of {bits} bits")
    return {
        "device_map": "auto" if spread else {"": 0},
        "quantization_config": BitsAndBytesConfig(load_in_8bit=bits == 8, load_in_4bit=bits == 4),
    }


@contextmanager
def _using(device: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"The device {device!r} cannot be used: {first_line(error)}") from error


def usable(device: str) -> torch.device:
    """A device by its name, auto the best. Raises ValueError where it cannot be used."""
    found = best_device() if device == "auto" else device
    with _using(found):
        torch.zeros(1, device=found).item()
    return torch.device(found)


def best_device() -> str:
    """CUDA where there is one, then MPS, then the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _open(
    name: str, place: dict[str, Any], dtype: Any, placing: Mapping[str, Any], tuned: Adapter | None
) -> PreTrainedModel:
    try:
        config = _config(place)
        options = {**place, **placing, "config": config, "dtype": dtype, "use_safetensors": True}
        if tuned is not None:
            tuned.choose_head(config)
            options["ignore_mismatched_sizes"] = True  # of a head that the adapter's takes the place of
        if "gguf_file" in place:  # plain weights, whatever could compute with packed ones
            options["quantization_config"] = GgufConfig(dequantize=True)
        read = partial(class_of(config).from_pretrained, **options, trust_remote_code=False, output_loading_info=True)
        network, report = read()
        if prefix := prefix_in(network, report["missing_keys"], report["unexpected_keys"]):
            network, report = read(key_mapping={f"^{re.escape(prefix)}": ""})
        # What lies on no device is read when it is used.
        held = (each for each in network.parameters() if each.device.type != "meta")
        if not all(parameter.isfinite().all() for parameter in held):
            raise ValueError("its weights hold numbers that are not finite; copy or train it again.")
        # What the adapter brings need not be there; anything else would be random numbers.
        missing = {*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])}
        lost = needed(network, missing - {*(tuned.whole if tuned else ())})
        if lost:
            count = f"{len(lost)} tensors that it needs, such as" if len(lost) > 1 else "a tensor that it needs,"
            raise ValueError(f"its weights lack {count} {lost[0]}")
    except Exception as error:  # whatever a broken or hostile folder makes a library raise
        raise ValueError(f"{name} could not be loaded: {_reason(error)}") from error
    return network


def _tokenizer(network: PreTrainedModel, place: dict[str, Any], tuned: Adapter | None) -> tuple[Any | None, str]:
    """The adapter's tokenizer, else the one beside the weights, or None with what was wrong with its files."""
    if tuned is not None and tuned.tokenizer is not None:
        # Which kind of tokenizer it is, is the network's: an adapter has no config.json.
        place = {
            "pretrained_model_name_or_path": str(tuned.tokenizer),
            "local_files_only": True,
            "config": network.config,
        }
    return tokenizer_in(place)


def _config(place: Mapping[str, Any]) -> Any:
    """The model's config, without what would choose another attention or another kind of output."""
    config = AutoConfig.from_pretrained(**place, trust_remote_code=False)
    # A config may name a kernel to download and run.
    config._attn_implementation = None
    config.output_attentions, config.return_dict = False, True
    if "gguf_file" in place:
        config.architectures = config.architectures or _class_that_writes(config)
    else:  # a config may name a file of weights, a pickle too
        config.transformers_weights = sources.weights_file(Path(place["pretrained_model_name_or_path"]))
    layers = getattr(config.get_text_config(), "num_hidden_layers", 0)
    counts = layers.values() if isinstance(layers, dict) else [layers]  # LXMERT counts its three stacks
    if not all(isinstance(each, int) and 0 <= each <= MOST_LAYERS for each in counts):
        raise ValueError(f"its config asks for {layers!r} layers; copy it again.")
    return config


def _class_that_writes(config: Any) -> list[str]:
    """The class of a GGUF file, which names none: it is of a language model."""
    heads = (auto.AutoModelForCausalLM, auto.AutoModelForSeq2SeqLM)
    return [head._model_mapping[type(config)].__name__ for head in heads if type(config) in head._model_mapping][:1]


def _reason(error: Exception) -> str:
    text = first_line(error)
    if "trust_remote_code" in str(error):
        return "it wants to run code of its own, which is never done here."
    if "size" in str(error) and "mismatch" in str(error).lower():
        return "its weights do not have the shapes that its config asks for; save it again from one model."
    if type(error).__name__ == "SafetensorError":
        return f"its safetensors file is damaged ({text}); copy it again."
    return text


def _dtype(dtype: str) -> Any:
    if dtype == "auto":
        return "auto"
    if dtype not in DTYPES:
        raise ValueError(f"dtype is auto, {', '.join(DTYPES)}; got {dtype!r}.")
    return getattr(torch, dtype)
