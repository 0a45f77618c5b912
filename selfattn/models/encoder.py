"""The local self-attention encoder: a small Transformer whose every choice can be seen and changed.

    tokens -> embedding (+ positions) -> n x [attention -> feed-forward], each with a residual and a norm -> head

It is a Hugging Face model like any other (`AutoModel` opens its folders), and its attention goes through the same door.
"""

import functools
import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
    initialization,
)
from transformers.masking_utils import create_bidirectional_mask, create_causal_mask
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput, MaskedLMOutput, SequenceClassifierOutput
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils.generic import can_return_tuple
from transformers.utils.output_capturing import capture_outputs

from selfattn.maths import positions, similarity
from selfattn.maths.attend import attend
from selfattn.maths.similarity import dot

POSITIONS = ("none", "sinusoidal", "learned", "rope", "alibi", "t5")
SIMILARITIES = ("dot", "cosine", "additive", "bilinear", "rbf")
POOLINGS = ("mean", "cls", "attention")


class SelfAttentionConfig(PreTrainedConfig):
    """Every choice of the encoder. Sizes are in numbers, dropouts are probabilities."""

    model_type = "selfattn"

    vocab_size: int = 1000
    hidden_size: int = 64  # d_model
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    intermediate_size: int = 256  # d_ff
    max_position_embeddings: int = 512  # a limit for learned positions alone
    positions: str = "rope"
    similarity: str = "dot"
    scaling: bool = True  # divide by sqrt(d_k): off, the softmax saturates
    is_causal: bool = False
    norm: str = "pre"  # norm before each block (trains without warm-up), or "post" as in the original paper
    pooling: str = "mean"
    sigmoid: bool = False  # two labels from one number z: the logits are (0, z), whose softmax is sigmoid(z)
    attention_dropout: float = 0.0
    dropout: float = 0.0
    initializer_range: float = 0.02
    pad_token_id: int | None = 0
    tie_word_embeddings: bool = True

    def validate_choices(self) -> None:
        """Raise ValueError for a choice that does not exist."""
        for name, choices in (
            ("positions", POSITIONS),
            ("similarity", SIMILARITIES),
            ("norm", ("pre", "post")),
            ("pooling", POOLINGS),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}; got {getattr(self, name)!r}.")
        sizes = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
        for name in (*sizes, "max_position_embeddings"):
            size = getattr(self, name)
            if type(size) is not int or size < 1:
                raise ValueError(f"{name} is a whole number from 1; got {size!r}.")
        for name in ("attention_dropout", "dropout"):
            share = getattr(self, name)
            if not isinstance(share, int | float) or not 0 <= share <= 1:
                raise ValueError(f"{name} is a number from 0 to 1; got {share!r}.")
        if self.sigmoid and self.num_labels != 2:
            raise ValueError(f"sigmoid chooses between two labels; got {self.num_labels}.")
        d_head, left_over = divmod(self.hidden_size, self.num_attention_heads)
        if left_over:
            raise ValueError(f"{self.num_attention_heads} heads do not divide a hidden size of {self.hidden_size}.")
        paired = {"rope": d_head, "sinusoidal": self.hidden_size}.get(self.positions, 0)
        if paired % 2:
            raise ValueError(f"{self.positions} positions need pairs of dimensions; got {paired}.")


def eager_attention_forward(
    module: "SelfAttention",
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    position_bias: Tensor | None = None,
    similarity: Any = None,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """Attention by the formula, with its weights: for similarities unknown to SDPA, and for `output_attentions`."""
    keep = None if attention_mask is None else attention_mask >= 0
    alike = dot if similarity is None else functools.partial(similarity, heads=slice(None))
    stages = attend(query, key, value, scale=scaling, bias=position_bias, keep=keep, similarity=alike)
    weights = nn.functional.dropout(stages.weights, dropout, module.training)
    return (weights @ value).transpose(1, 2).contiguous(), stages.weights


class SelfAttention(nn.Module):
    """Multi-head self-attention: one linear map makes Q, K and V of all heads, another mixes what the heads found."""

    def __init__(self, config: SelfAttentionConfig) -> None:
        super().__init__()
        self.config = config
        self.heads = config.num_attention_heads
        self.d_head = config.hidden_size // config.num_attention_heads
        self.is_causal = config.is_causal
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)
        # Each scale gives scores of unit variance for random directions; the last two similarities need none.
        scale = {"dot": self.d_head**-0.5, "bilinear": self.d_head**-0.5, "cosine": self.d_head**0.5}
        self.scaling = scale.get(config.similarity, 1.0) if config.scaling else 1.0
        shape = (self.heads, self.d_head, self.d_head)
        if config.similarity == "bilinear":
            self.weight = nn.Parameter(torch.empty(shape))
        if config.similarity == "additive":
            self.query_weight = nn.Parameter(torch.empty(shape))
            self.key_weight = nn.Parameter(torch.empty(shape))
            self.vector = nn.Parameter(torch.empty(self.heads, self.d_head))

    def similarity(self, query: Tensor, key: Tensor, heads: int | slice) -> Tensor:
        """The raw scores of one head, or of all, where they are no dot product."""
        match self.config.similarity:
            case "cosine":
                return similarity.cosine(query, key)
            case "bilinear":
                return similarity.bilinear(query, key, self.weight[heads])
            case "additive":
                return similarity.additive(
                    query, key, self.query_weight[heads], self.key_weight[heads], self.vector[heads]
                )
            case _:
                return similarity.rbf(query, key, variance=math.sqrt(self.d_head))

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None, **rest: Any
    ) -> tuple[Tensor, Tensor | None]:
        batch, length, _ = hidden_states.shape
        split = self.query_key_value(hidden_states).view(batch, length, 3, self.heads, self.d_head)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (batch, head, token, d_head)
        if self.config.positions == "rope":
            at = torch.arange(length, device=query.device)
            query, key = positions.rope(query, at), positions.rope(key, at)
        if self.config.similarity != "dot":
            rest["similarity"] = self.similarity
        attention = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        dropout = self.config.attention_dropout if self.training else 0.0
        context, weights = attention(
            self, query, key, value, attention_mask, scaling=self.scaling, dropout=dropout, **rest
        )
        return self.output(context.reshape(batch, length, -1)), weights


class EncoderBlock(nn.Module):
    """Attention, then a feed-forward network; each with a residual, and a norm before or after."""

    def __init__(self, config: SelfAttentionConfig) -> None:
        super().__init__()
        self.pre = config.norm == "pre"
        self.attention = SelfAttention(config)
        self.attention_norm = nn.LayerNorm(config.hidden_size)
        self.feed_forward = nn.Sequential(
            nn.Linear(config.hidden_size, config.intermediate_size),
            nn.GELU(),
            nn.Linear(config.intermediate_size, config.hidden_size),
        )
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, attention_mask: Tensor | None, **rest: Any) -> Tensor:
        if self.pre:
            x = x + self.dropout(self.attention(self.attention_norm(x), attention_mask, **rest)[0])
            return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        x = self.attention_norm(x + self.dropout(self.attention(x, attention_mask, **rest)[0]))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class SelfAttentionPreTrainedModel(PreTrainedModel):
    """What the encoder's models share: how they start, and which attention functions they can use."""

    config_class = SelfAttentionConfig
    base_model_prefix = "encoder"
    _supports_attention_backend = True
    _can_record_outputs: ClassVar[dict[str, type[nn.Module]]] = {
        "hidden_states": EncoderBlock,
        "attentions": SelfAttention,
    }

    @property
    def _supports_sdpa(self) -> bool:
        return self.config.similarity == "dot"

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, SelfAttention):
            for parameter in module.parameters(recurse=False):
                initialization.normal_(parameter, std=module.d_head**-0.5)
        if isinstance(module, SelfAttentionForSequenceClassification):
            for parameter in module.parameters(recurse=False):
                initialization.zeros_(parameter)


class SelfAttentionModel(SelfAttentionPreTrainedModel):
    """The encoder without a head: token ids in, one vector a token out."""

    def __init__(self, config: SelfAttentionConfig) -> None:
        config.validate_choices()
        super().__init__(config)
        self.tokens = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        if config.positions == "learned":
            self.positions = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        if config.positions == "t5":
            self.offsets = nn.Embedding(32, config.num_attention_heads)
        self.blocks = nn.ModuleList(EncoderBlock(config) for _ in range(config.num_hidden_layers))
        # With the norm before each block, the last block's output has none of its own.
        self.norm = nn.LayerNorm(config.hidden_size) if config.norm == "pre" else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.tokens

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.tokens = value

    @capture_outputs
    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **rest: Any) -> BaseModelOutput:
        x = self.tokens(input_ids)
        length = x.shape[1]
        match self.config.positions:
            case "sinusoidal":
                x = x + positions.sinusoidal(length, x.shape[-1]).to(x)
            case "learned":
                x = x + self.positions.weight[:length]
            case "alibi":
                rest["position_bias"] = positions.alibi(self.config.num_attention_heads, length)[None].to(x)
            case "t5":
                buckets = positions.t5_buckets(length, length, bidirectional=not self.config.is_causal)
                rest["position_bias"] = self.offsets(buckets.to(x.device)).permute(2, 0, 1)[None]
        if self.config.is_causal:
            mask = create_causal_mask(self.config, x, attention_mask, None)  # no cache: its name differs by release
        else:
            mask = create_bidirectional_mask(self.config, x, attention_mask)
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, mask, **rest)
        return BaseModelOutput(last_hidden_state=self.norm(x))


class SelfAttentionForSequenceClassification(SelfAttentionPreTrainedModel):
    """The encoder, a pooling of its tokens into one vector, and a label."""

    def __init__(self, config: SelfAttentionConfig) -> None:
        super().__init__(config)
        self.encoder = SelfAttentionModel(config)
        if config.pooling == "attention":
            self.pooling_query = nn.Parameter(torch.empty(config.hidden_size))
        self.classifier = nn.Linear(config.hidden_size, 1 if config.sigmoid else config.num_labels)
        self.post_init()

    @can_return_tuple
    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **rest: Any
    ) -> SequenceClassifierOutput:
        output = self.encoder(input_ids, attention_mask, **rest)
        logits = self.classifier(self._pool(output.last_hidden_state, attention_mask))
        if self.config.sigmoid:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=-1)
        # Of (0, z) this is the binary cross-entropy of sigmoid(z).
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss, logits, output.hidden_states, output.attentions)

    def _pool(self, x: Tensor, attention_mask: Tensor | None) -> Tensor:
        """One vector a text, from the tokens that are no padding."""
        if self.config.pooling == "cls":
            return x[:, 0]
        real = torch.ones_like(x[..., 0]) if attention_mask is None else attention_mask.to(x)
        scores = x @ self.pooling_query if self.config.pooling == "attention" else torch.zeros_like(real)
        weights = scores.masked_fill(real == 0, -math.inf).softmax(-1)
        return (weights[..., None] * x).sum(1)


class _LanguageModel(SelfAttentionPreTrainedModel):
    """The encoder and a linear map from each token's vector to the vocabulary, tied to the embedding."""

    _tied_weights_keys: ClassVar[dict[str, str]] = {"decoder.weight": "encoder.tokens.weight"}

    def __init__(self, config: SelfAttentionConfig) -> None:
        super().__init__(config)
        self.encoder = SelfAttentionModel(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_output_embeddings(self) -> nn.Module:
        return self.decoder

    def set_output_embeddings(self, value: nn.Linear) -> None:
        self.decoder = value


class SelfAttentionForMaskedLM(_LanguageModel):
    """Fill in the tokens that were masked. `labels` of -100 are left out of the loss."""

    @can_return_tuple
    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **rest: Any
    ) -> MaskedLMOutput:
        output = self.encoder(input_ids, attention_mask, **rest)
        logits = self.decoder(output.last_hidden_state)
        loss = None if labels is None else nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return MaskedLMOutput(loss, logits, output.hidden_states, output.attentions)


class SelfAttentionForCausalLM(_LanguageModel):
    """Predict the next token; needs a config with `is_causal`. `labels` are the input ids: the shift happens here."""

    def __init__(self, config: SelfAttentionConfig) -> None:
        if not config.is_causal:
            raise ValueError("A causal language model needs a config with is_causal=True: else it reads its answer.")
        super().__init__(config)

    @can_return_tuple
    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **rest: Any
    ) -> CausalLMOutput:
        output = self.encoder(input_ids, attention_mask, **rest)
        logits = self.decoder(output.last_hidden_state)
        loss = (
            None
            if labels is None
            else nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        )
        return CausalLMOutput(
            loss=loss, logits=logits, hidden_states=output.hidden_states, attentions=output.attentions
        )


AutoConfig.register("selfattn", SelfAttentionConfig)
AutoModel.register(SelfAttentionConfig, SelfAttentionModel)
AutoModelForSequenceClassification.register(SelfAttentionConfig, SelfAttentionForSequenceClassification)
AutoModelForMaskedLM.register(SelfAttentionConfig, SelfAttentionForMaskedLM)
AutoModelForCausalLM.register(SelfAttentionConfig, SelfAttentionForCausalLM)
