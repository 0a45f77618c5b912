"""What a head looks at, one number a head: the mean share of its weight that goes to one kind of key.

Read each beside its baseline, the same pattern of a head that spreads its weight evenly: `pattern(uniform(keep))`.
In self-attention query i and key i are the same token. Rows that sum to 0 count as they are: leave padding out before.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor


def uniform(keep: Bool[Tensor, "*head query key"]) -> Float[Tensor, "*head query key"]:
    """Equal weight on every key that may be attended to: `keep_ij / sum_k keep_ik`, and 0 in a row without any."""
    return keep.float() / keep.sum(-1, keepdim=True).clamp(min=1)


def previous_token(weights: Float[Tensor, "*head token token"]) -> Float[Tensor, "*head"]:
    """The weight on the token just before: `mean_{i >= 1} A[i, i - 1]`."""
    return weights.diagonal(-1, dim1=-2, dim2=-1).mean(-1)


def first_token(weights: Float[Tensor, "*head query key"]) -> Float[Tensor, "*head"]:
    """The weight on the first token, where heads with nothing to look for often rest: `mean_i A[i, 0]`."""
    return weights[..., 0].mean(-1)


def self_token(weights: Float[Tensor, "*head token token"]) -> Float[Tensor, "*head"]:
    """The weight of a token on itself: `mean_i A[i, i]`."""
    return weights.diagonal(dim1=-2, dim2=-1).mean(-1)


def induction(weights: Float[Tensor, "*head token token"], tokens: Int[Tensor, " token"]) -> Float[Tensor, "*head"]:
    """The weight on the tokens that followed earlier occurrences of the query's token (Olsson et al. 2022).

    `mean_i sum_{j < i - 1, t_j = t_i} A[i, j + 1]` over the queries i with such a j: several earlier occurrences are
    summed. An immediate repeat, j = i - 1, is left out, for its next token is the query itself. NaN without a repeat.
    """
    after = _earlier(tokens).roll(1, dims=1).tril(-1)
    return _mean_mass(weights, after)


def duplicate_token(
    weights: Float[Tensor, "*head token token"], tokens: Int[Tensor, " token"]
) -> Float[Tensor, "*head"]:
    """The weight on earlier occurrences of the query's token: `mean_i sum_{j < i, t_j = t_i} A[i, j]`.

    The mean is over the queries that have an earlier occurrence; the diagonal is left out. NaN without a repeat.
    """
    return _mean_mass(weights, _earlier(tokens))


def _earlier(tokens: Int[Tensor, " token"]) -> Bool[Tensor, "token token"]:
    """True where key j is an earlier occurrence of the token of query i."""
    return (tokens[:, None] == tokens[None, :]).tril(-1)


def _mean_mass(weights: Float[Tensor, "*head query key"], targets: Bool[Tensor, "query key"]) -> Float[Tensor, "*head"]:
    """The weight on the targets, summed in each row and averaged over the rows that have one."""
    return (weights * targets).sum(-1)[..., targets.any(-1)].mean(-1)
