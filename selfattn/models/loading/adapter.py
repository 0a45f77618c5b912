"""An adapter (LoRA, as PEFT saves it) put into a network: its weights are read, and nothing else of it is trusted."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from selfattn.models.loading.sources import ADAPTER, adapter_folder, read_json

# What an adapter's config may choose. Where its weights go is read off the weights themselves.
KNOWN = {"r", "lora_alpha", "fan_in_fan_out", "use_rslora", "use_dora", "lora_bias"}
PATTERNS = {"rank_pattern", "alpha_pattern"}
# Options that change what the weights mean, and that are not followed here.
UNKNOWN = {
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "layer_replication",
    "megatron_config",
    "monteclora_config",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_qalora",
    "velora_config",
}
PREFIX = "base_model.model."
LOW_RANK = re.compile(r"\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)(\.weight|\.bias)?$")


def needs(module: str, extra: str, what: str) -> None:
    """Raise ValueError with the extra to install where `module` is missing."""
    if importlib.util.find_spec(module) is None:
        raise ValueError(f'{what} needs {module}, which is not installed; pip install "selfattn[{extra}]" brings it.')


def adapted(network: PreTrainedModel, adapter: str, merge: bool = True) -> PreTrainedModel:
    """The network with an adapter in it: merged into its weights, `W + scale * B A`, or beside weights of few bits.

    The base model that the adapter's config names is never fetched; that it fits is seen by its weights' places.
    Raises ValueError where it does not fit, or asks for more than weights.
    """
    needs("peft", "adapters", "An adapter")
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict

    folder = adapter_folder(adapter)
    config = read_json(folder / ADAPTER[0])
    weights = _weights(folder / ADAPTER[1])
    places = {name: LOW_RANK.search(name) for name in (name.removeprefix(PREFIX) for name in weights)}
    changed = sorted({name[: found.start()] for name, found in places.items() if found})
    # Beside the weights of an embedding, PEFT saves the embedding itself.
    others = [name for name, found in places.items() if not found and not name.endswith(".base_layer.weight")]
    whole = sorted({name.rpartition(".")[0] for name in others})
    here = {name for name, _ in network.named_modules()}
    if lost := [name for name in [*changed, *whole] if name not in here]:
        made_for = str(config.get("base_model_name_or_path") or "another model")[:80]
        raise ValueError(
            f"The adapter {folder.name} changes {lost[0]}, which {type(network).__name__} does not have: "
            f"it was made for {made_for}; load it with its own base model."
        )
    # Where input and output share one table, merging into one end would change the other: there it stays beside it.
    modules = [network.get_submodule(name) for name in changed]
    merge = merge and not any(isinstance(m, nn.Embedding) or m is network.get_output_embeddings() for m in modules)
    lora = LoraConfig(**_options(config), target_modules=changed, inference_mode=True)
    try:
        tuned = get_peft_model(network, lora)
        report: Any = set_peft_model_state_dict(tuned, weights)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        first = str(error).splitlines()[0][:200]
        raise ValueError(f"The adapter {folder.name} does not fit {type(network).__name__}: {first}") from error
    left = [*(name for name in report.missing_keys if "lora_" in name), *report.unexpected_keys]
    if left:
        raise ValueError(f"The adapter {folder.name} does not fit {type(network).__name__}: {left[0]} is left over.")
    return tuned.merge_and_unload() if merge else tuned.base_model.model


def _options(config: dict[str, Any]) -> dict[str, Any]:
    """What is taken from an adapter's config: numbers and switches, and the plain names of modules."""
    if config.get("peft_type") != "LORA":
        raise ValueError(f"The adapter is of the kind {str(config.get('peft_type'))[:40]!r}; only LORA is read here.")
    if config.get("bias", "none") != "none":
        raise ValueError("The adapter changes biases too, which is not read here; save one of LoRA weights alone.")
    if asked := sorted(name for name in UNKNOWN if config.get(name)):
        raise ValueError(f"The adapter asks for {asked[0]}, which is not known here; save one of plain LoRA weights.")
    options = {name: config[name] for name in KNOWN if name in config}
    if not all(isinstance(value, bool | int | float | str) for value in options.values()):
        raise ValueError(f"The adapter's {ADAPTER[0]} holds something else than numbers; save it again with PEFT.")
    for name in PATTERNS:
        pattern = config.get(name) or {}
        plain = isinstance(pattern, dict) and all(re.fullmatch(r"[\w.]{1,200}", str(key)) for key in pattern)
        if not plain or not all(isinstance(value, int | float) for value in pattern.values()):
            raise ValueError(f"The adapter's {name} is no table of modules and numbers; save it again with PEFT.")
        options[name] = pattern
    saved = config.get("modules_to_save") or []
    if not isinstance(saved, list) or not all(re.fullmatch(r"[\w.]{1,200}", str(name)) for name in saved):
        raise ValueError("The adapter's modules_to_save is no list of modules; save it again with PEFT.")
    return options | {"modules_to_save": saved or None}


def _weights(file: Path) -> dict[str, Tensor]:
    try:
        weights = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"The adapter's {file.name} is damaged ({error}); copy it again.") from error
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise ValueError("The adapter's weights hold numbers that are not finite; copy or train it again.")
    return weights
