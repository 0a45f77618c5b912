"""Models whose attention cannot be shown as it is, and why."""

import inspect

from torch import nn
from transformers import PreTrainedModel

from selfattn.recording.modules import attends

BANDS = "its weights are bands beside the diagonal, with no row for a query and column for a key"
BLOCKS = "its weights are sparse blocks; load it with attention_type='original_full' to see full attention"
APPROXIMATE = "it approximates the softmax, so no weights of single queries and keys exist"
NO_ATTENTION = "it mixes tokens without attention, by"

# By the class of a module inside the model, or how its name begins.
REASONS = {
    "LongformerSelfAttention": BANDS,
    "LEDEncoderSelfAttention": BANDS,
    "LongT5LocalAttention": "its encoder attends in blocks of neighbours",
    "LongT5TransientGlobalAttention": "its encoder attends in blocks of neighbours, and to summaries of blocks",
    "PegasusXGlobalLocalAttention": "its encoder attends in blocks of neighbours, and to global tokens",
    "BigBirdBlockSparseAttention": BLOCKS,
    "BigBirdPegasusBlockSparseAttention": BLOCKS,
    "CanineAttention": "its first and last layers attend in chunks of characters",
    "LSHSelfAttention": "it sorts queries and keys into buckets by hashing, and attends within chunks of them",
    "NystromformerSelfAttention": APPROXIMATE,
    "YosoSelfAttention": APPROXIMATE,
    "MraSelfAttention": APPROXIMATE,
    "FNetFourierTransform": f"{NO_ATTENTION} Fourier transforms",
    "MambaMixer": f"{NO_ATTENTION} a state-space model",
    "Mamba2Mixer": f"{NO_ATTENTION} a state-space model",
    "FalconMambaMixer": f"{NO_ATTENTION} a state-space model",
    "RwkvSelfAttention": f"{NO_ATTENTION} a recurrence",
    "TransformerEncoder": "torch.nn.TransformerEncoder shows none of its queries and keys",
    "TransformerEncoderLayer": "torch.nn.TransformerEncoderLayer shows none of its queries and keys",
}


class RefusedError(ValueError):
    """What a network does in its attention cannot be recorded exactly, whatever input it has."""


def refusal(network: PreTrainedModel) -> str | None:
    """Why a network cannot be recorded, in one sentence; None where nothing speaks against it."""
    if type(network).forward is nn.Module.forward:
        return f"{type(network).__name__} has no forward pass of its own; load one of its parts by itself."
    if "inference_session" in inspect.signature(network.forward).parameters:
        return f"{type(network).__name__} reads films by a session that it is given, and no tensors."
    some = any(attends(type(module)) for module in network.modules())  # type: ignore[arg-type]  # a class hashes
    for module in network.modules():
        reason = REASONS.get(type(module).__name__)
        # In a hybrid the layers that attend are shown, and the others named.
        if reason and not (some and reason.startswith(NO_ATTENTION)):
            return f"{type(network).__name__} cannot be recorded exactly: {reason} ({type(module).__name__})."
    return None
