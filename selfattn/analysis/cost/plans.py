"""What a model would take, on paper: its weights, its cache, all of its attention maps, and what this app would keep.

L layers, h query heads and g key-value heads of d numbers, d_model = h d, d_ff inside the feed-forward network, N
tokens in each text, s bytes a number.
"""

from dataclasses import dataclass

import torch
from torch import nn

from selfattn.models.attention import Attention
from selfattn.models.budgets import OVERVIEW_SIDE, recorded, stages
from selfattn.models.model import Model


@dataclass(frozen=True)
class Architecture:
    """A stack of Transformer layers, as far as its costs depend on it."""

    layers: int
    heads: int
    key_heads: int
    d_head: int
    d_ff: int
    vocabulary: int
    positions: int = 0  # learned vectors beside the vocabulary's: positions, segments
    gated: bool = False  # three matrices in the feed-forward network, not two
    biases: bool = True  # of the linear maps and the norms
    tied: bool = True  # the language head shares the vocabulary's vectors
    pooler: bool = False  # an encoder: one linear map of one token in place of a language head, a norm more

    def __post_init__(self) -> None:
        if self.heads % self.key_heads:
            raise ValueError(
                f"{self.key_heads} key-value heads cannot be shared evenly by {self.heads} heads; "
                "choose a number that divides theirs."
            )

    @property
    def d_model(self) -> int:
        return self.heads * self.d_head

    @property
    def matrices(self) -> int:
        """Numbers of one layer's linear maps: `d_model (2 h + 2 g) d + (2 or 3) d_model d_ff`."""
        attention = 2 * (self.heads + self.key_heads) * self.d_head
        return self.d_model * (attention + (3 if self.gated else 2) * self.d_ff)

    @property
    def parameters(self) -> int:
        """Numbers to learn: vectors of tokens and positions, the layers' maps with biases and norms, and the head."""
        vectors = (self.vocabulary + self.positions) * self.d_model
        norms = (2 * self.layers + 1) * self.d_model
        biases = 0
        if self.biases:
            inside = self.d_ff * (2 if self.gated else 1)
            attention = self.d_model + 2 * self.key_heads * self.d_head
            biases = norms + self.layers * (attention + 2 * self.d_model + inside)
        head = 0 if self.tied else self.vocabulary * self.d_model
        pooler = self.d_model * (self.d_model + 1) if self.pooler else 0
        return vectors + norms + biases + self.layers * self.matrices + head + pooler

    @property
    def token_flops(self) -> int:
        """Operations a token outside attention: two for each number of a linear map, the language head's included."""
        head = 0 if self.pooler else self.vocabulary * self.d_model
        return 2 * (self.layers * self.matrices + head)

    @property
    def crossover(self) -> int:
        """The length at which attention's `4 L h d N^2` operations are as many as all others."""
        return round(self.token_flops / (4 * self.layers * self.d_model))


@dataclass(frozen=True)
class Plan:
    """An architecture at work. Bytes, and floating-point operations of one forward pass."""

    architecture: Architecture
    length: int
    batch: int
    dtype: str
    gpus: int
    counted: int | None = None  # parameters, where the model is here to be counted

    @property
    def itemsize(self) -> int:
        return getattr(torch, self.dtype).itemsize

    @property
    def parameters(self) -> int:
        return self.architecture.parameters if self.counted is None else self.counted

    @property
    def weights(self) -> int:
        return self.parameters * self.itemsize

    @property
    def token_cache(self) -> int:
        """Keys and values of one token in every layer: `2 L g d s`."""
        made = self.architecture
        return 2 * made.layers * made.key_heads * made.d_head * self.itemsize

    @property
    def cache(self) -> int:
        """The KV cache: `2 L g d s` for each token of each text."""
        return self.token_cache * self.length * self.batch

    @property
    def maps(self) -> int:
        """The attention maps of all heads: `L h N^2 s` for each text."""
        return self.architecture.layers * self.architecture.heads * self.length**2 * self.itemsize * self.batch

    @property
    def recording(self) -> int:
        """What this app keeps in place of the maps: Q, K and V of every layer."""
        made = self.architecture
        stack = Attention("planned", "self", tuple(range(made.layers)), made.heads, made.key_heads, made.d_head)
        return recorded([stack], self.length, self.itemsize) * self.batch

    @property
    def head(self) -> int:
        """What it computes for the head that is looked at: the stages of its rows, a block of them in a long text."""
        return stages(min(self.length, OVERVIEW_SIDE), self.length)

    @property
    def attention_flops(self) -> int:
        """`4 L h d N^2` for each text; a causal mask is not taken advantage of."""
        made = self.architecture
        return 4 * made.layers * made.d_model * self.length**2 * self.batch

    @property
    def flops(self) -> int:
        """One forward pass over the texts."""
        made = self.architecture
        pooler = 2 * made.d_model**2 if made.pooler else 0
        return (made.token_flops * self.length + pooler) * self.batch + self.attention_flops

    @property
    def on_each_gpu(self) -> int:
        """Weights and cache, each split evenly; a key-value head is on one GPU at least, so the cache may be copied."""
        return -(-self.weights // self.gpus) + -(-self.cache // min(self.gpus, self.architecture.key_heads))


LLAMA = Architecture(32, 32, 8, 128, 14_336, 128_256, gated=True, biases=False, tied=False)
# What is planned on: the architecture, the tokens, and the dtype that it is usually run in.
PRESETS = {
    "GPT-2 small": (Architecture(12, 12, 12, 64, 3072, 50_257, positions=1024), 1024, "float32"),
    "BERT base": (Architecture(12, 12, 12, 64, 3072, 30_522, positions=514, pooler=True), 512, "float32"),
    "Llama 3 8B": (LLAMA, 8192, "bfloat16"),
    "128k tokens": (LLAMA, 131_072, "bfloat16"),
}


def of(model: Model) -> Architecture:
    """The architecture of a model, as its config and modules tell it; where it has several stacks, of the first."""
    config, attention = model.network.config.get_text_config(), model.attentions[0]
    width = attention.heads * attention.d_head
    vocabulary = getattr(config, "vocab_size", None) or 0
    inside = (getattr(config, name, None) for name in ("intermediate_size", "encoder_ffn_dim", "n_inner", "d_ff"))
    tables = [m for m in model.network.modules() if isinstance(m, nn.Embedding) and m.embedding_dim == width]
    return Architecture(
        attention.layers,
        attention.heads,
        attention.key_heads,
        attention.d_head,
        next((size for size in inside if size), 4 * width),
        vocabulary,
        positions=sum(table.num_embeddings for table in tables if table.num_embeddings != vocabulary),
        gated=any(path.endswith(("gate_proj", "wi_1")) for path in model.names.values()),
        biases=any(path.endswith(".bias") for path, _ in model.network.named_parameters()),
        tied=bool(getattr(config, "tie_word_embeddings", True)) or model.network.get_output_embeddings() is None,
        pooler=model.network.get_output_embeddings() is None,
    )


def counted(model: Model) -> int:
    """The parameters of a model, each once."""
    return sum(parameter.numel() for parameter in model.network.parameters())
