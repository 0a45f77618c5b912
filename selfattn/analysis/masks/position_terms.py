"""What the places of words add to the scores: one encoder's weights under every way of telling it the places.

The first layer alone is split, because there alone a token's vector is its word's, with nothing heard from others:

    score = what the words give by themselves + what their places add
"""

import copy
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from selfattn.maths import positions
from selfattn.maths.similarity import dot
from selfattn.models.encoder import EncoderBlock, SelfAttentionModel

SCHEMES = ("none", "sinusoidal", "learned", "rope", "alibi", "t5")
# Places that a learned table has at least: a longer text, moved on, has no place in it.
PLACES = 512


def with_positions(network: SelfAttentionModel, scheme: str, generator: torch.Generator) -> SelfAttentionModel:
    """A copy of the encoder that is told the places another way, in eval mode; all else is the same weights.

    What the scheme would have learned (a vector a place, a number a bucket) is drawn from the generator, as large as
    the words' own vectors or with variance 1, unless the encoder has learned it.
    """
    config = copy.deepcopy(network.config)
    config.positions = scheme
    config.max_position_embeddings = max(PLACES, config.max_position_embeddings)
    with torch.random.fork_rng(devices=[]):
        made = SelfAttentionModel(config).eval()
    own = network.state_dict()
    lacks = [name for name, value in made.state_dict().items() if name not in own or own[name].shape != value.shape]
    made.load_state_dict({name: own[name] for name in own if name in made.state_dict() and name not in lacks}, False)
    spread = {"positions.weight": float(own["tokens.weight"].std()), "offsets.weight": 1.0}
    with torch.no_grad():
        for name in lacks:
            table = made.get_parameter(name)
            table.copy_(torch.randn(table.shape, generator=generator) * spread[name])
    return made


@torch.no_grad()
def first_scores(
    network: SelfAttentionModel, ids: Int[Tensor, " token"], shift: int = 0
) -> Float[Tensor, "head query key"]:
    """The scaled scores of the first layer, biases of places included, for a text that begins `shift` places on.

    Raises ValueError where the text, moved on, has no place in a learned table.
    """
    config, block = network.config, cast(EncoderBlock, network.blocks[0])
    attention, places = block.attention, torch.arange(shift, shift + len(ids))
    x = network.tokens(ids)
    if config.positions == "sinusoidal":
        x = x + positions.sinusoidal(shift + len(ids), x.shape[-1])[shift:]
    if config.positions == "learned":
        table = network.positions.weight
        if shift + len(ids) > len(table):
            raise ValueError(
                f"The table has {len(table)} places; {len(ids)} tokens from place {shift} on need "
                f"{shift + len(ids)}. Shorten the text, or move it less far."
            )
        x = x + table[places]
    x = block.attention_norm(x) if block.pre else x
    split = attention.query_key_value(x).view(len(ids), 3, attention.heads, attention.d_head)
    query, key, _ = split.permute(1, 2, 0, 3)
    if config.positions == "rope":
        query, key = positions.rope(query, places), positions.rope(key, places)
    alike = dot if config.similarity == "dot" else partial(attention.similarity, heads=slice(None))
    scores = alike(query, key) * attention.scaling
    if config.positions == "alibi":
        scores = scores + positions.alibi(attention.heads, len(ids))
    if config.positions == "t5":
        buckets = positions.t5_buckets(len(ids), len(ids), bidirectional=not config.is_causal)
        scores = scores + network.offsets(buckets).permute(2, 0, 1)
    return scores


@dataclass(frozen=True)
class Terms:
    """The scores of the first layer as a sum of two terms."""

    words: Float[Tensor, "head query key"]  # scores of the same words with no places at all
    places: Float[Tensor, "head query key"]  # what is left of the score

    @property
    def scores(self) -> Float[Tensor, "head query key"]:
        """Both terms together: what the first layer computes."""
        return self.words + self.places


def terms(network: SelfAttentionModel, ids: Int[Tensor, " token"]) -> Terms:
    """Split the first layer's scores into what the words give and what their places add.

    With biases the second term is the bias itself; with vectors or rotations it is the score less the score that the
    same weights give where no place is told.
    """
    placeless = with_positions(network, "none", torch.Generator())
    words = first_scores(placeless, ids)
    return Terms(words, first_scores(network, ids) - words)


def moved_by_shift(network: SelfAttentionModel, ids: Int[Tensor, " token"], shift: int) -> float:
    """The largest change of a first-layer score when the whole text stands `shift` places further on."""
    return (first_scores(network, ids, shift) - first_scores(network, ids)).abs().max().item()


@torch.no_grad()
def moved_by_order(
    network: SelfAttentionModel, ids: Int[Tensor, " token"], order: Int[Tensor, " token"]
) -> Float[Tensor, " token"]:
    """How far each word's output moves when the words change places, `|f(x[order]) - f(x)[order]| / |f(x)[order]|`.

    One number a word, in the new order: zero up to rounding where no place is told, since attention then is a function
    of a set.
    """
    before = network(ids[None]).last_hidden_state[0][order]
    after = network(ids[order][None]).last_hidden_state[0]
    return (after - before).norm(dim=-1) / before.norm(dim=-1)


def picture(network: SelfAttentionModel, head: int, length: int) -> Float[Tensor, "row column"] | None:
    """What a scheme is made of, for so many tokens; None where no place is told.

    Sinusoidal and learned: a vector a place. RoPE: the cosine of each pair's angle at each place. ALiBi: the bias of
    this head. T5: the bucket of each offset.
    """
    config = network.config
    d_head = config.hidden_size // config.num_attention_heads
    match config.positions:
        case "sinusoidal":
            return positions.sinusoidal(length, config.hidden_size)
        case "learned":
            return network.positions.weight[:length].detach()
        case "rope":
            # Rotated by its place, the first of each pair (1, 0) is the cosine of its angle.
            ones = torch.cat([torch.ones(length, d_head // 2), torch.zeros(length, d_head // 2)], dim=-1)
            return positions.rope(ones, torch.arange(length))[:, : d_head // 2]
        case "alibi":
            return positions.alibi(config.num_attention_heads, length)[head]
        case "t5":
            return positions.t5_buckets(length, length, bidirectional=not config.is_causal).float()
        case _:
            return None
