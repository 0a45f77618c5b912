"""An adapter (LoRA, as PEFT saves it): its weights, its head, its vocabulary and its tokenizer; nothing else of it is
trusted."""

import importlib.util
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.models.auto import modeling_auto as auto

from selfattn.models.loading.classes import class_of
from selfattn.models.loading.sources import ADAPTER, TOKENIZER, read_json

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
    "use_bdlora",
    "use_qalora",
    "velora_config",
}
PREFIX = "base_model.model."
LOW_RANK = re.compile(r"\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)(\.weight|\.bias)?$")
# What PEFT puts around a module, in the names of what is inside it.
WRAPPED = re.compile(r"(\.token_adapter)?\.(base_layer|original_module)\.")
# Rows of a table that were trained by themselves.
ROWS = ".token_adapter.trainable_tokens_delta"
# The classes that a kind of task is trained with.
TASKS = {
    "SEQ_CLS": auto.AutoModelForSequenceClassification,
    "TOKEN_CLS": auto.AutoModelForTokenClassification,
    "QUESTION_ANS": auto.AutoModelForQuestionAnswering,
    "CAUSAL_LM": auto.AutoModelForCausalLM,
    "SEQ_2_SEQ_LM": auto.AutoModelForSeq2SeqLM,
    "FEATURE_EXTRACTION": auto.AutoModel,
}


def needs(module: str, extra: str, what: str) -> None:
    """Raise ValueError with the extra to install where `module` is missing."""
    if importlib.util.find_spec(module) is None:
        raise ValueError(f'{what} needs {module}, which is not installed; pip install "selfattn[{extra}]" brings it.')


@dataclass(frozen=True)
class Adapter:
    """What is read of an adapter's folder."""

    name: str
    config: dict[str, Any]
    weights: dict[str, Tensor]
    tokenizer: Path | None  # the folder, where a tokenizer of its own lies in it

    @classmethod
    def read(cls, folder: Path, name: str) -> "Adapter":
        """Read it. Raises ValueError where it is damaged, or of a kind that is not known here."""
        needs("peft", "adapters", "An adapter")
        config = read_json(folder / ADAPTER[0])
        _options(config)
        # Beside a module saved whole, PEFT may save it again as it lies in its wrapper.
        weights = {
            key: tensor for key, tensor in _weights(folder / ADAPTER[1]).items() if ".modules_to_save." not in key
        }
        return cls(name, config, weights, folder if (folder / TOKENIZER).is_file() else None)

    @property
    def whole(self) -> dict[str, Tensor]:
        """The tensors that it brings in place of the network's own, by their names there."""
        return {
            WRAPPED.sub(".", key.removeprefix(PREFIX)): tensor
            for key, tensor in self.weights.items()
            if not LOW_RANK.search(key) and not key.endswith(ROWS)
        }

    @property
    def changed(self) -> list[str]:
        """The modules that it adds low-rank matrices to."""
        found = ((key.removeprefix(PREFIX), LOW_RANK.search(key.removeprefix(PREFIX))) for key in self.weights)
        return sorted({key[: low.start()] for key, low in found if low})

    def choose_head(self, config: Any) -> None:
        """Write into its base's config the class that it was trained on, and how many labels its head has.

        Raises ValueError where no class of that kind has the modules that it changes.
        """
        own, tried = list(config.architectures or []), []
        for name in dict.fromkeys([*self._classes(config), *own[:1]]):
            config.architectures = [name]
            kind = class_of(config)
            try:
                with torch.device("meta"):
                    made = kind.from_config(config) if kind is auto.AutoModel else kind(config)
            except (AttributeError, KeyError, TypeError, ValueError):  # a class for another config
                continue
            here = {path for path, _ in made.named_modules()}
            rows = (key.removeprefix(PREFIX).removesuffix(ROWS) for key in self.weights if key.endswith(ROWS))
            places = [*self.changed, *rows, *(path.rpartition(".")[0] for path in self.whole)]
            lost = next((path for path in places if path not in here), None)
            if lost is None:
                sizes = {path: tensor.shape[:1] for path, tensor in made.state_dict().items()}
                labels = {len(tensor) for path, tensor in self.whole.items() if sizes.get(path) == (config.num_labels,)}
                if labels - {config.num_labels}:
                    config.num_labels = max(labels)
                return
            tried.append((type(made).__name__, lost))
        if not tried:  # none can be made without its weights: they tell
            config.architectures = own
            return
        classes = " or ".join(dict.fromkeys(name for name, _ in tried))
        made_for = str(self.config.get("base_model_name_or_path") or "another model")[:80]
        raise ValueError(
            f"The adapter {self.name} changes {tried[0][1]}, which {classes} does not have; it was made for {made_for}."
        )

    def _classes(self, config: Any) -> list[str]:
        """The names of the classes that it may have been trained on."""
        head = TASKS.get(str(self.config.get("task_type")))
        kinds = head._model_mapping.get(type(config), ()) if head else ()
        mapped = self.config.get("auto_mapping")
        named = mapped.get("base_model_class") if isinstance(mapped, dict) else None
        found = [kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,))]
        return [*found, *([named] if isinstance(named, str) else [])]

    def put_into(self, network: PreTrainedModel, merge: bool = True) -> PreTrainedModel:
        """The network with it: merged into its weights, `W + scale * B A`, or beside weights of few bits.

        Raises ValueError where it does not fit.
        """
        from peft import LoraConfig, get_peft_model, set_peft_model_state_dict

        self._resize(network)
        # Where input and output share one table, merging into one end would change the other: there it stays beside it.
        modules = [network.get_submodule(name) for name in self.changed]
        merge = merge and not any(isinstance(module, nn.Embedding) or module in _tables(network) for module in modules)
        misfit = f"The adapter {self.name} does not fit {type(network).__name__}"
        try:
            tuned = get_peft_model(network, LoraConfig(**_options(self.config), target_modules=self.changed))
            report: Any = set_peft_model_state_dict(tuned, self.weights)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            said = [*(line for line in lines if "mismatch" in line), *lines, type(error).__name__]
            raise ValueError(f"{misfit}: {said[0][:200]}") from error
        left = [*(name for name in report.missing_keys if "lora_" in name), *report.unexpected_keys]
        if left:
            raise ValueError(f"{misfit}: {left[0]} is left over.")
        return tuned.merge_and_unload() if merge else tuned.base_model.model

    def _resize(self, network: PreTrainedModel) -> None:
        """Give the network as many tokens as the adapter's tables have."""
        ends = {name: module for name, module in network.named_modules() if module in _tables(network)}
        tables = {name: self.whole[f"{name}.weight"] for name in ends if f"{name}.weight" in self.whole}
        rows = {len(table) for table in tables.values()}
        if len(rows) != 1 or rows == {len(module.weight) for module in ends.values()}:
            return
        tied = len({module.weight.data_ptr() for module in ends.values()}) == 1
        if not tied and len(tables) < len(ends):
            lost = min(ends.keys() - tables.keys())
            raise ValueError(
                f"The adapter {self.name} brings {max(rows):,} tokens, and none for {lost}; save both with PEFT."
            )
        network.resize_token_embeddings(max(rows), mean_resizing=False)


def _tables(network: PreTrainedModel) -> list[nn.Module]:
    """The modules in which every token has a row, where it reads tokens."""
    found: list[nn.Module | None] = []
    for table in (network.get_input_embeddings, network.get_output_embeddings):
        with suppress(NotImplementedError):  # a model of sounds, or of pictures
            found.append(table())
    return [module for module in found if module is not None]


def _options(config: dict[str, Any]) -> dict[str, Any]:
    """What is taken from an adapter's config: numbers and switches, and the plain names of modules."""
    if config.get("peft_type") != "LORA":
        raise ValueError(f"The adapter is of the kind {str(config.get('peft_type'))[:40]!r}; only LORA is read here.")
    if config.get("bias", "none") not in ("none", "all", "lora_only"):
        raise ValueError(f"The adapter's bias is none, all or lora_only; got {str(config['bias'])[:40]!r}.")
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
    rows = config.get("trainable_token_indices")
    for chosen in rows.values() if isinstance(rows, dict) else [rows or []]:
        if not isinstance(chosen, list) or not all(isinstance(index, int) for index in chosen):
            raise ValueError("The adapter's trainable_token_indices are no lists of tokens; save it again with PEFT.")
    return options | {"modules_to_save": saved or None, "trainable_token_indices": rows, "inference_mode": True}


def _weights(file: Path) -> dict[str, Tensor]:
    try:
        weights = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"The adapter's {file.name} is damaged ({error}); copy it again.") from error
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise ValueError("The adapter's weights hold numbers that are not finite; copy or train it again.")
    return weights
