"""The names of attention functions: ours in place of a network's own, for each model inside it, and back."""

from typing import Any
from weakref import WeakKeyDictionary

from torch import nn
from transformers import PreTrainedModel

# The attention functions that a network had before: of each model inside it, by its path.
_functions: "WeakKeyDictionary[nn.Module, dict[str, str]]" = WeakKeyDictionary()


def lead(network: PreTrainedModel) -> None:
    """Give the attention interface our functions; where their owner has chosen others since, once more."""
    models = {path: module for path, module in _models(network).items() if module._can_set_attn_implementation()}
    own = {path: module.config._attn_implementation for path, module in models.items() if not _is_led(module)}
    _functions.setdefault(network, {}).update(own)
    for module in models.values():
        if not _is_led(module):
            eager = module.config._attn_implementation == "eager"
            _attend_by(module, "selfattn_eager" if eager else "selfattn_sdpa")


def still_led(network: PreTrainedModel) -> bool:
    """Has each model inside it that was led our function still? No walk over its modules is needed to see that."""
    own = _functions.get(network)
    try:
        return own is not None and all(_is_led(network.get_submodule(path)) for path in own)
    except AttributeError:  # what stood there is gone
        return False


def functions(network: nn.Module) -> list[str]:
    """The names of our functions that models inside it have."""
    return [str(module.config._attn_implementation) for module in _models(network).values() if _is_led(module)]


def let_go(network: nn.Module) -> None:
    """Give back the functions that were there before."""
    own = _functions.pop(network, {})
    for path, module in _models(network).items():
        if _is_led(module) or path in own:  # of a copy all that is known is which function works behind the door
            _attend_by(module, own.get(path, module.config._attn_implementation.removeprefix("selfattn_")))


def _attend_by(module: PreTrainedModel, function: str) -> None:
    """Set the attention function of a model alone: one inside it, such as a backbone, may know no such function."""
    parts = {key: getattr(module.config, key, None) for key in module.config.sub_configs}
    kept = {key: part._attn_implementation for key, part in parts.items() if part is not None}
    module.set_attn_implementation({**kept, "": function})


def _models(network: nn.Module) -> dict[str, PreTrainedModel]:
    return {path: module for path, module in network.named_modules() if isinstance(module, PreTrainedModel)}


def _is_led(module: Any) -> bool:
    return str(module.config._attn_implementation).startswith("selfattn")
