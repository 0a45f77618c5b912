"""How far back a layer looks: what its mask shows on this text, and what its config says of longer ones."""

from typing import Any

import torch
from torch import nn

from selfattn.recording.call import Call


def window(call: Call, module: nn.Module | None) -> int | None:
    """Keys a query may look back over, itself among them; None where there is no such limit.

    On a text longer than the window the mask tells; on a shorter one what the model declares stands.
    """
    if call.kind == "cross":
        return None
    declared = _declared(call, module)
    if not call.looks_back():
        return declared
    real = call.real_queries()
    key = call.start + torch.arange(call.shape[1], device=real.device)
    behind = (call.positions[:, None] - key).masked_fill(~call.keep() | call.later, 0)[real]
    seen, most = int(behind.max()) + 1, int(real.sum())
    if seen < most:
        return seen
    return None if declared is None or declared < most else declared


def _declared(call: Call, module: nn.Module | None) -> int | None:
    """What the model's config and the module say."""
    config = getattr(module, "config", None)
    own = call.window or getattr(module, "sliding_window", None)
    kinds = getattr(config, "layer_types", None) or getattr(config, "attention_layers", None)
    if not isinstance(kinds, list | tuple) or call.layer >= len(kinds):
        return _number(own)
    match kinds[call.layer]:
        case "chunked_attention":
            return _number(getattr(config, "attention_chunk_size", None))
        case "local":
            return _number(getattr(config, "window_size", None))
        case kind if "sliding" in kind:
            return _number(own or getattr(config, "sliding_window", None))
    return None


def _number(found: Any) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) else None
